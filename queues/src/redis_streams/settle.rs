//! Acknowledges, delays or parks an entry when its handler has ended.

use std::time::{Duration, Instant};

use redis::RedisResult;

use super::deliveries::Deliveries;
use super::entry::Entry;
use super::keys::GROUP;
use super::worker::Member;
use crate::verdict::Verdict;

/// At least as long as a restart of the server may take.
const LEAST: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_secs(1);

impl Member {
    /// Tells the server, also if it has to be restarted meanwhile. After half the time until others may
    /// claim the entry it is left to whoever claims it, and who finds out whether it is done. So it is if the
    /// worker is told to stop: the process may be killed soon.
    pub(super) async fn settle(&self, entry: &Entry, verdict: &Verdict) {
        let (begun, longest) = (Instant::now(), LEAST.max(self.settings.claim_after / 2));
        while begun.elapsed() < longest {
            match self.try_to_settle(entry, verdict).await {
                Ok(()) => {
                    self.observe(entry, verdict);
                    return;
                }
                Err(error) => self.failed(error),
            }
            if self.stop.within(PAUSE).await {
                break;
            }
        }
        if let Err(error) = self.set_deliveries(entry, verdict).await {
            self.failed(error);
        }
    }

    /// Sets the number of deliveries to the attempts that count, and notes how the last one failed. Otherwise
    /// each that ends here would be taken for a crash, and entries that a full server cannot move to a retry
    /// would become dead letters.
    async fn set_deliveries(&self, entry: &Entry, verdict: &Verdict) -> RedisResult<()> {
        let (attempts, reason) = match verdict {
            Verdict::Done => (entry.attempts, None),
            Verdict::Retry { attempts, .. } => (*attempts, None),
            Verdict::Dead { attempts, reason, .. } => (*attempts, Some(*reason)),
        };
        let number = attempts.saturating_sub(entry.stored_attempts);
        let deliveries = Deliveries { number, reason };
        self.delivered(&entry.id, Some(deliveries.count())).await.map(drop)
    }

    async fn try_to_settle(&self, entry: &Entry, verdict: &Verdict) -> RedisResult<()> {
        let (scripts, keys) = (self.redis.scripts(), &self.keys);
        let mut connection = self.redis.connection();
        let mut call = match verdict {
            Verdict::Done => scripts.finish.key(&keys.queue),
            Verdict::Retry { .. } => scripts.retry.key(&keys.queue),
            Verdict::Dead { .. } => scripts.park.key(&keys.queue),
        };
        match verdict {
            Verdict::Done => call.arg(GROUP).arg(&entry.id),
            Verdict::Retry { attempts, delay, .. } => {
                call.key(&keys.delayed).arg(GROUP).arg(&entry.id).arg(&self.name);
                call.arg(millis(*delay)).arg(attempts)
            }
            Verdict::Dead { reason, attempts, .. } => {
                let event_type =
                    entry.content.envelope().and_then(|envelope| envelope.event_type());
                call.key(&keys.dead).arg(GROUP).arg(&entry.id).arg(&self.name);
                call.arg(reason).arg(attempts).arg(event_type.unwrap_or_default());
                call.arg(millis(self.settings.dead_for))
            }
        };
        call.invoke_async(&mut connection).await
    }

    fn observe(&self, entry: &Entry, verdict: &Verdict) {
        let envelope = entry.content.envelope();
        let event = envelope.map_or(&*entry.id, |envelope| envelope.id().as_str());
        self.observer.settled(event, verdict);
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, MOST_MILLIS)
}

/// A hundred years, which a script's numbers hold exactly.
const MOST_MILLIS: u64 = 100 * 365 * 24 * 3_600_000;

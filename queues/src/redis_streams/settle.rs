//! Acknowledges, delays or parks an entry when its handler has ended.

use std::time::Duration;

use nevent_webhooks::queue::Handled;
use redis::RedisResult;
use tokio::time::sleep;

use super::entry::Entry;
use super::keys::GROUP;
use super::worker::Member;
use super::{RedisStreamsHappened, RetryPolicy};

pub(super) enum Verdict {
    Done,
    Retry { outcome: &'static str, attempts: u32, delay: Duration },
    Dead { reason: &'static str, attempts: u32 },
}

impl Verdict {
    /// An attempt counts if the handler ran and failed.
    pub(super) fn of<T, E>(handled: &Handled<T, E>, attempts: u32, policy: &RetryPolicy) -> Self {
        let Some(pause) = handled.retry_after() else { return Self::Done };
        let outcome = handled.as_str();
        if let Handled::InProgress { .. } = handled {
            return Self::Retry { outcome, attempts, delay: pause };
        }
        if let Handled::Refused(_) = handled {
            let delay = policy.delay_after(1).map_or(pause, |first| first.min(pause));
            return Self::Retry { outcome, attempts, delay };
        }
        let attempts = attempts.saturating_add(1);
        match policy.delay_after(attempts) {
            Some(delay) => Self::Retry { outcome, attempts, delay },
            None => Self::Dead { reason: outcome, attempts },
        }
    }
}

/// As long as a restart of the server may take. Another worker takes the entry afterwards, and finds that
/// it is done.
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

impl Member {
    /// Tells the server, also if it has to be restarted meanwhile.
    pub(super) async fn settle(&self, entry: &Entry, verdict: &Verdict) {
        for _ in 0..TRIES {
            match self.try_to_settle(entry, verdict).await {
                Ok(()) => {
                    self.observe(entry, verdict);
                    return;
                }
                Err(error) => self.failed(error),
            }
            sleep(PAUSE).await;
        }
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
            Verdict::Dead { reason, attempts } => {
                let event_type = entry.envelope().and_then(|envelope| envelope.event_type());
                call.key(&keys.dead).arg(GROUP).arg(&entry.id).arg(&self.name);
                call.arg(reason).arg(attempts).arg(event_type.unwrap_or_default());
                call.arg(millis(self.settings.dead_for))
            }
        };
        call.invoke_async(&mut connection).await
    }

    fn observe(&self, entry: &Entry, verdict: &Verdict) {
        let event = entry.envelope().map_or(&*entry.id, |envelope| envelope.id().as_str());
        match *verdict {
            Verdict::Done => {}
            Verdict::Retry { outcome, attempts, delay } => {
                self.tell(&RedisStreamsHappened::Retry { event, outcome, attempts, delay });
            }
            Verdict::Dead { reason, attempts } => {
                self.tell(&RedisStreamsHappened::DeadLetter { event, reason, attempts });
            }
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).clamp(1, MOST_MILLIS)
}

/// A hundred years, which a script's numbers hold exactly.
const MOST_MILLIS: u64 = 100 * 365 * 24 * 3_600_000;

//! Renewal of leases, and retries of renewals that fail.

use std::time::Duration;

use tokio::time::sleep;

use super::Times;
use super::attempt::Attempt;
use super::lease::Sent;
use crate::delivery::ClaimState;
use crate::observe::{Outcome, StoreOperation};
use crate::store::Renewal;

/// The timing of renewals. No lease is lost if the store is silent for less than half a lease.
///
/// The worst case, in sixtieths of the lease. The first renewal is sent within 20 of the claim,
/// because the response deadline is at most a third of the lease. If the store falls silent at that
/// moment, the renewal times out after 3. The silence lasts for 30. A renewal that is sent just
/// before the silence ends times out after another 3, and a pause of 1 follows. The next renewal is
/// sent after 57 and arrives before 60.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// The time from one renewal to the next.
    every: Duration,
    /// How long the store may take for one renewal.
    patience: Duration,
    /// The time from a failed renewal to the next.
    pause: Duration,
}

impl Timing {
    pub(super) fn of(times: &Times) -> Self {
        let part = |parts| times.lease.checked_div(parts).unwrap_or(times.lease);
        Self {
            every: part(5),
            patience: times.store_timeout.min(part(20)),
            pause: part(60).min(Duration::from_secs(1)),
        }
    }

    /// The time until the next renewal. `None` once the lease is lost.
    fn after(self, renewed: Renewed) -> Option<Duration> {
        match renewed {
            Renewed::Yes => Some(self.every),
            Renewed::NotNow => Some(self.pause),
            Renewed::Never => None,
        }
    }
}

/// The result of one renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Renewed {
    Yes,
    /// The store did not answer, or has not granted the claim yet. The next renewal may succeed.
    NotNow,
    /// There is no lease to renew, or it is lost for good.
    Never,
}

impl Attempt {
    /// Renews the lease until it is lost.
    pub(super) async fn keep_lease(&self) {
        let timing = Timing::of(&self.times);
        // A client that hangs up moves its work here early, with most of the lease left. A claim that is
        // not granted yet was sent after the start at the earliest.
        let age = if self.lease.is_granted() { self.lease.age() } else { self.started.elapsed() };
        sleep(timing.every.saturating_sub(age)).await;
        while let Some(pause) = timing.after(self.renew(timing.patience).await) {
            sleep(pause).await;
        }
    }

    async fn renew(&self, patience: Duration) -> Renewed {
        let Some(claim) = self.claim.get() else {
            return Renewed::NotNow;
        };
        if claim.state() == ClaimState::Committed {
            return Renewed::Never;
        }
        let (sent, asked) = (Sent::now(), self.dedupe.start_timer());
        let renewal =
            self.ask(StoreOperation::Renew, patience, |store| store.renew(claim.claim())).await;
        match renewal {
            Ok(Renewal::Renewed) => {
                self.lease.granted(sent);
                self.observe(Outcome::LeaseRenewed { took: asked.took() });
                Renewed::Yes
            }
            // There is nothing to renew: the store has recorded the handler's end meanwhile, or the
            // handler runs without a claim.
            Ok(Renewal::Lost) if self.finalization.get().is_some() || !self.lease.is_granted() => {
                Renewed::Never
            }
            // The handler's transaction may just have completed the delivery. The next renewal can
            // tell.
            Ok(Renewal::Lost)
                if matches!(claim.state(), ClaimState::Staged | ClaimState::Committed) =>
            {
                Renewed::NotNow
            }
            Ok(Renewal::Lost) => {
                self.note_lost_lease();
                Renewed::Never
            }
            Err(_) => Renewed::NotNow,
        }
    }

    /// Reports that another attempt may own the delivery by now, once per attempt.
    pub(super) fn note_lost_lease(&self) {
        if self.lease.note_loss() {
            self.observe(Outcome::LeaseLost);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::DedupeOptions;
    use crate::scheme::Terms;

    const SECOND: Duration = Duration::from_secs(1);

    /// Options at the limits of what is allowed, and in between.
    fn allowed_options() -> Vec<Times> {
        let mut all = Vec::new();
        for lease in [Duration::from_millis(300), 3 * SECOND, 30 * SECOND, 3600 * SECOND] {
            for deadline in [lease / 3, lease * 3 / 10, lease / 10] {
                for store_timeout in [deadline * 999 / 1000, deadline / 4, deadline / 50] {
                    let options = DedupeOptions::new().lease(lease).response_deadline(deadline);
                    let options =
                        options.handler_timeout(lease.max(deadline)).store_timeout(store_timeout);
                    all.push(options.checked().expect("allowed").times(&Terms::new()));
                }
            }
        }
        all
    }

    /// Whether the lease lasts for three of its lengths with a store that takes `latency` for each
    /// answer. From `begins` on, for just under half a lease, the store answers no renewal that is
    /// sent or would be answered then.
    async fn holds(options: &Times, begins: Duration, latency: Duration) -> bool {
        let (lease, timing) = (options.lease, Timing::of(options));
        let (start, mut sent_last) = (Instant::now(), Duration::ZERO);
        let silence = begins..begins + lease * 499 / 1000;
        // At the latest, work moves to the background when its response is due.
        sleep(options.response_deadline.max(timing.every)).await;
        while start.elapsed() < lease * 3 {
            let sent = start.elapsed();
            let swallowed = silence.contains(&sent) || silence.contains(&(sent + latency));
            let answer = async { if swallowed { pending().await } else { sleep(latency).await } };
            let renewed = match timeout(timing.patience, answer).await {
                Ok(()) => Renewed::Yes,
                Err(_) => Renewed::NotNow,
            };
            // The store may act on a renewal as late as it answers.
            if start.elapsed().saturating_sub(sent_last) >= lease {
                return false;
            }
            if renewed == Renewed::Yes {
                sent_last = sent;
            }
            sleep(timing.after(renewed).expect("another try")).await;
        }
        true
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_of_half_a_lease_costs_no_lease() {
        for options in allowed_options() {
            let patience = Timing::of(&options).patience;
            for latency in [Duration::ZERO, patience / 2, patience * 99 / 100] {
                for step in 0..60 {
                    let begins = options.lease * 2 * step / 60;
                    assert!(
                        holds(&options, begins, latency).await,
                        "{options:?}, silent from {begins:?}, latency {latency:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn by_default_a_renewal_that_failed_is_repeated_within_a_second() {
        let Timing { every, patience, pause } =
            Timing::of(&DedupeOptions::new().times(&Terms::new()));
        let millis = [every, patience, pause].map(|duration| duration.as_millis());
        assert_eq!(millis, [6000, 1500, 500]);
    }
}

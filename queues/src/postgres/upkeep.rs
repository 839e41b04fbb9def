//! What a worker does beside its entries: it renews their leases, deletes dead letters that have
//! expired, and makes up for a clock that was set back.

use std::sync::PoisonError;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::PostgresError;
use super::batch::Batch;
use super::handling::Handling;
use crate::pause::FIRST_PAUSE;

/// Runs in a task of its own until it is dropped.
#[derive(Debug)]
pub(super) struct Upkeep(JoinHandle<()>);

/// Between two looks for dead letters that have expired, and for entries that wait too long.
const MINUTE: Duration = Duration::from_secs(60);

impl Upkeep {
    pub(super) fn start(handling: Handling) -> Self {
        Self(tokio::spawn(async move {
            // Side by side: neither makes the other late.
            tokio::join!(keep_leases(&handling), keep_house(&handling));
        }))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep_leases(handling: &Handling) {
    let third = handling.entries.options.lease / 3;
    loop {
        sleep(third).await;
        while !renew(handling).await {
            sleep(FIRST_PAUSE.min(third / 4)).await;
        }
    }
}

async fn keep_house(handling: &Handling) {
    let look = MINUTE.min(handling.entries.options.dead_letters_for);
    let mut known = None;
    loop {
        match look_at_the_clock(handling, known).await {
            Ok(now) => known = Some(now),
            Err(error) => handling.observer.failed(&error),
        }
        expire(handling).await;
        sleep(look).await;
    }
}

/// What the server's clock said, and when.
type Clock = (SystemTime, Instant);

/// Also at the start: it may have been set back before.
async fn look_at_the_clock(
    handling: &Handling,
    known: Option<Clock>,
) -> Result<Clock, PostgresError> {
    let asked = Instant::now();
    let now = (handling.entries.server_time().await?, asked);
    if known.is_none_or(|known| was_set_back(known, now)) {
        handling.entries.pull_back().await?;
    }
    Ok(now)
}

/// Not by the little that a clock is corrected by all the time.
fn was_set_back(known: Clock, now: Clock) -> bool {
    let least = known.0 + (now.1 - known.1);
    now.0 + Duration::from_secs(1) < least
}

/// Returns whether the leases are renewed.
async fn renew(handling: &Handling) -> bool {
    let keys = handling.in_hand.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if keys.is_empty() {
        return true;
    }
    let renewed = handling.entries.renew(&keys).await;
    renewed.inspect_err(|error| handling.observer.failed(error)).is_ok()
}

async fn expire(handling: &Handling) {
    let mut batch = Batch::of(100);
    loop {
        match handling.entries.expire(batch.most()).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if batch.halves_after(&error) => {}
            Err(error) => return handling.observer.failed(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_was_set_back_if_less_time_passed_on_it() {
        let (begun, noon) = (Instant::now(), SystemTime::now());
        let later = |passed: u64, server: u64| {
            (noon + Duration::from_secs(server), begun + Duration::from_secs(passed))
        };
        let known = later(0, 1_000);
        assert!(!was_set_back(known, later(60, 1_060)));
        assert!(!was_set_back(known, later(60, 9_000)), "it was set forward");
        assert!(was_set_back(known, later(60, 1_050)));
        assert!(was_set_back(known, later(60, 0)));
    }
}

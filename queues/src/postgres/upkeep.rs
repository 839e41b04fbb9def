//! What a worker does beside its entries: it renews their leases, deletes dead letters that have
//! expired, and makes up for a clock that was set back.

use std::sync::PoisonError;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

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
    loop {
        if let Err(error) = handling.entries.pull_back().await {
            handling.observer.failed(&error);
        }
        expire(handling).await;
        sleep(look).await;
    }
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

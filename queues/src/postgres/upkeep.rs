//! What a worker does beside its entries: it renews their leases, and deletes dead letters that have
//! expired.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::handling::Handling;
use crate::pause::FIRST_PAUSE;

/// Runs in a task of its own until it is dropped.
#[derive(Debug)]
pub(super) struct Upkeep(JoinHandle<()>);

/// Between two looks for dead letters that have expired.
const MINUTE: Duration = Duration::from_secs(60);

impl Upkeep {
    pub(super) fn start(handling: Handling) -> Self {
        Self(tokio::spawn(keep_up(handling)))
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep_up(handling: Handling) {
    let options = &handling.entries.options;
    let (third, look) = (options.lease / 3, MINUTE.min(options.dead_letters_for));
    let mut looked: Option<Instant> = None;
    loop {
        if looked.is_none_or(|at| at.elapsed() >= look) {
            looked = Some(Instant::now());
            expire(&handling).await;
        }
        sleep(third.min(look)).await;
        while !renew(&handling).await {
            sleep(FIRST_PAUSE.min(third / 4)).await;
        }
    }
}

/// Returns whether the leases are renewed.
async fn renew(handling: &Handling) -> bool {
    let numbers = handling.in_hand.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if numbers.is_empty() {
        return true;
    }
    let renewed = handling.entries.renew(&numbers).await;
    renewed.inspect_err(|error| handling.observer.failed(error)).is_ok()
}

async fn expire(handling: &Handling) {
    loop {
        match handling.entries.expire().await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => return handling.observer.failed(&error),
        }
    }
}

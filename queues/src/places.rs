//! The places of the handlers that run at a time, and entries that have to run alone.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use tokio::time::sleep;

/// After so many vanished workers an entry is suspected of killing them. One worker vanishes for many reasons.
const SUSPECT: u32 = 2;
/// The longest pause of a suspect before it asks for its places. All entries of a vanished worker come back
/// within much less.
const SPREAD: Duration = Duration::from_millis(500);

/// The places of a worker's handlers. A suspect takes all of them, so its handler runs alone. No longer than a
/// handler may run: a place is only for the handler, and not for what is done with the entry afterwards.
///
/// Otherwise the entries that share a worker with one that kills it would meet it again each time that they are
/// delivered again, and would become dead letters with it.
#[derive(Debug)]
pub(crate) struct Places {
    free: Semaphore,
    all: u32,
}

impl Places {
    pub(crate) fn new(all: u16) -> Self {
        Self { free: Semaphore::new(all.into()), all: all.into() }
    }

    /// Waits for the place of an entry with so many vanished workers, of those that make a dead letter of it.
    pub(crate) async fn take(
        &self,
        vanished: u32,
        limit: u32,
    ) -> Result<SemaphorePermit<'_>, AcquireError> {
        if vanished < SUSPECT.min(limit).max(1) {
            return self.free.acquire().await;
        }
        // In another order each time. The broker delivers them in the same one, so those behind the entry that
        // kills would never have their turn: they are in hand when it does, and that counts.
        sleep(random_part_of(SPREAD)).await;
        self.free.acquire_many(self.all).await
    }
}

fn random_part_of(time: Duration) -> Duration {
    let random = u32::try_from(RandomState::new().hash_one(0) % 1_000).unwrap_or_default();
    time * random / 1_000
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_suspect_runs_alone() {
        let places = Places::new(3);
        let ordinary = [places.take(0, 50).await, places.take(1, 50).await];
        assert!(timeout(SPREAD * 2, places.take(2, 50)).await.is_err(), "others run");
        drop(ordinary);
        let suspect = places.take(2, 50).await;
        assert!(timeout(SHORT, places.take(0, 50)).await.is_err(), "it runs");
        drop(suspect);
        drop(places.take(0, 50).await.expect("a place"));
    }

    #[tokio::test]
    async fn a_low_limit_makes_suspects_sooner() {
        let places = Places::new(2);
        for (vanished, limit, is_suspect) in
            [(0, 0, false), (1, 0, true), (0, 1, false), (1, 1, true), (1, 2, false), (2, 2, true)]
        {
            let place = places.take(vanished, limit).await.expect("a place");
            assert_eq!(places.free.available_permits() == 0, is_suspect, "{vanished} of {limit}");
            drop(place);
        }
    }
}

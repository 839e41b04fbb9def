use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::store::StoreError;

/// Whether the store is failing, and since when.
#[derive(Debug, Default)]
pub(super) struct StoreHealth {
    /// When the store first failed since its last answer, in nanoseconds. 0 if it has not failed.
    failing_since: AtomicU64,
    failures: AtomicU64,
}

impl StoreHealth {
    /// Notes a failed call. A store that is full has answered, so that is no failure.
    pub(super) fn failed(&self, error: &StoreError) {
        if matches!(error, StoreError::Full { .. }) {
            return;
        }
        self.failures.fetch_add(1, Relaxed);
        let _ = self.failing_since.compare_exchange(0, nanos(), Relaxed, Relaxed);
    }

    /// Notes an answer. If the store had been failing, returns for how long and how often.
    pub(super) fn answered(&self) -> Option<(Duration, u64)> {
        // A healthy store costs one load.
        if self.failing_since.load(Relaxed) == 0 {
            return None;
        }
        let since = self.failing_since.swap(0, Relaxed);
        let failures = self.failures.swap(0, Relaxed);
        (since != 0).then(|| (Duration::from_nanos(nanos().saturating_sub(since)), failures))
    }
}

/// Nanoseconds since the first call, plus one, so that the result is never 0.
fn nanos() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let elapsed = FIRST.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_is_reported_once() {
        let health = StoreHealth::default();
        assert_eq!(health.answered(), None);
        health.failed(&StoreError::too_slow());
        health.failed(&StoreError::panicked());
        assert_eq!(health.answered().map(|(_, failures)| failures), Some(2));
        assert_eq!(health.answered(), None);
    }

    #[test]
    fn a_full_store_is_not_failing() {
        let health = StoreHealth::default();
        health.failed(&StoreError::Full { capacity: 1 });
        assert_eq!(health.answered(), None);
    }
}

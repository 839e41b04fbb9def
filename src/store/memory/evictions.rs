use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::time::Millis;
use crate::metrics;

/// The size of a [`MemoryStore`](super::MemoryStore), and how much it has evicted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStoreStats {
    /// Records in flight. Includes expired ones that the store has not removed yet.
    pub in_flight: usize,
    /// Completed records. Includes expired ones that the store has not removed yet.
    pub completed: usize,
    /// How many completed records, or signatures, the store has evicted: it dropped them to make
    /// room before they had expired. If this is not 0, raise the capacity.
    pub evicted: u64,
    /// The age of the youngest of them. A retry or a replay that arrived later than this may have
    /// been handled again.
    pub youngest_evicted: Option<Duration>,
}

/// Counts evictions. Rows that had expired are not counted.
#[derive(Debug)]
pub(super) struct Evictions {
    count: AtomicU64,
    youngest_millis: AtomicU64,
}

impl Evictions {
    pub(super) fn count(&self, age: Millis) {
        self.count.fetch_add(1, Ordering::Relaxed);
        metrics::record_evicted();
        self.youngest_millis.fetch_min(age, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> MemoryStoreStats {
        let youngest = self.youngest_millis.load(Ordering::Relaxed);
        MemoryStoreStats {
            evicted: self.count.load(Ordering::Relaxed),
            youngest_evicted: (youngest != u64::MAX).then(|| Duration::from_millis(youngest)),
            ..MemoryStoreStats::default()
        }
    }
}

impl Default for Evictions {
    fn default() -> Self {
        Self { count: AtomicU64::new(0), youngest_millis: AtomicU64::new(u64::MAX) }
    }
}

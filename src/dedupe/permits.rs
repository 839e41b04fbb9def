#[cfg(all(test, nevent_loom))]
mod interleavings;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sync::{AtomicUsize, Notify};

/// Limits how many handlers run at once, and lets callers wait until none runs.
#[derive(Debug)]
pub(super) struct Permits {
    limit: usize,
    taken: AtomicUsize,
    emptied: Notify,
}

/// The permit of one delivery. It is given back when the last of its clones is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Permits>);

impl Permits {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicUsize::new(0), emptied: Notify::new() })
    }

    pub(super) fn take(self: &Arc<Self>) -> Option<Arc<Permit>> {
        let below_limit = |taken: usize| taken.checked_add(1).filter(|taken| *taken <= self.limit);
        self.taken
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, below_limit)
            .ok()
            .map(|_| Arc::new(Permit(Arc::clone(self))))
    }

    pub(super) async fn wait_idle(&self) {
        loop {
            // Created before the check. Otherwise a permit that is given back in between would wake
            // nobody.
            let emptied = self.emptied.notified();
            if self.taken.load(Ordering::SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.0.taken.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

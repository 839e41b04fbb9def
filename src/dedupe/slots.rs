use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sync::{AtomicUsize, Notify};

/// Bounds the handlers at work, and tells when none is.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    taken: AtomicUsize,
    emptied: Notify,
}

/// One delivery's place, given back when all that works on it has ended.
#[derive(Debug)]
pub(crate) struct Slot(Arc<Slots>);

impl Slots {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicUsize::new(0), emptied: Notify::new() })
    }

    pub(super) fn take(self: &Arc<Self>) -> Option<Arc<Slot>> {
        let below_limit = |taken: usize| taken.checked_add(1).filter(|taken| *taken <= self.limit);
        self.taken
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, below_limit)
            .ok()
            .map(|_| Arc::new(Slot(Arc::clone(self))))
    }

    pub(super) async fn wait_idle(&self) {
        loop {
            // Made before the look, so that a slot given back between is not missed.
            let emptied = self.emptied.notified();
            if self.taken.load(Ordering::SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.0.taken.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

#[cfg(all(test, nevent_loom))]
mod interleavings;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use crate::observe::metrics::InFlight;
use crate::sync::{AtomicUsize, Notify};

/// Limits how many handlers run at once, and lets callers wait until none runs.
#[derive(Debug)]
pub(super) struct Permits {
    limit: usize,
    taken: AtomicUsize,
    emptied: Notify,
    in_flight: InFlight,
}

/// The permit of one attempt. It is given back when the attempt and all events that share it have
/// ended.
#[derive(Debug)]
pub(super) struct Permit {
    permits: Arc<Permits>,
    /// Made when the first event shares the permit. Most deliveries have no events of their own, and
    /// need no allocation for them.
    shared: OnceLock<Arc<SharedPermit>>,
}

/// A permit that several attempts share: a delivery's and those of its events.
#[derive(Debug)]
pub(crate) struct SharedPermit(Arc<Permits>);

impl Permits {
    pub(super) fn new(limit: usize, in_flight: InFlight) -> Arc<Self> {
        let (taken, emptied) = (AtomicUsize::new(0), Notify::new());
        Arc::new(Self { limit, taken, emptied, in_flight })
    }

    pub(super) fn take(self: &Arc<Self>) -> Option<Permit> {
        let below_limit = |taken: usize| taken.checked_add(1).filter(|taken| *taken <= self.limit);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, below_limit).ok()?;
        self.in_flight.taken();
        Some(Permit { permits: Arc::clone(self), shared: OnceLock::new() })
    }

    fn give_back(&self) {
        self.in_flight.given_back();
        if self.taken.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.emptied.notify_waiters();
        }
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

impl Permit {
    /// The permit of an event, which shares its delivery's.
    pub(super) fn of_event(shared: Arc<SharedPermit>) -> Self {
        Self { permits: Arc::clone(&shared.0), shared: OnceLock::from(shared) }
    }

    pub(super) fn share(&self) -> Arc<SharedPermit> {
        let shared = || Arc::new(SharedPermit(Arc::clone(&self.permits)));
        Arc::clone(self.shared.get_or_init(shared))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // A shared permit is given back by the last attempt that holds it.
        if self.shared.get().is_none() {
            self.permits.give_back();
        }
    }
}

impl Drop for SharedPermit {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

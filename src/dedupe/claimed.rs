use std::sync::{Arc, Weak};

use super::Dedupe;
use super::attempt::Attempt;
use super::permits::Permit;
use crate::Rejection;

/// The engine's side of a claimed delivery. It travels beside the [`Delivery`](crate::Delivery)
/// in the request's extensions, so that the events of a batch can be claimed, too.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) dedupe: Arc<Dedupe>,
    /// A handler may keep its request for longer than it runs.
    attempt: Weak<Attempt>,
    /// The claim is that of the delivery's event.
    by_event_id: bool,
}

impl Claimed {
    pub(super) fn new(attempt: &Arc<Attempt>, by_event_id: bool) -> Self {
        let dedupe = Arc::clone(&attempt.dedupe);
        Self { dedupe, attempt: Arc::downgrade(attempt), by_event_id }
    }

    /// Whether the handler may start: to be asked when nothing is left to wait for.
    #[cfg(feature = "tower")]
    pub(crate) fn may_start(&self) -> Result<(), Rejection> {
        self.attempt.upgrade().map_or(Ok(()), |attempt| attempt.may_start())
    }

    /// The delivery's permit, unless its handler has ended.
    pub(crate) fn permit(&self) -> Option<Arc<Permit>> {
        self.attempt.upgrade().map(|attempt| attempt.permit())
    }

    /// The permit of a delivery whose event is claimed with it, and still is: not when its
    /// handler has ended.
    pub(crate) fn permit_of_its_event(&self) -> Option<Arc<Permit>> {
        self.permit().filter(|_| self.by_event_id)
    }
}

use std::sync::{Arc, Weak};

use super::Dedupe;
use super::attempt::Attempt;
use super::permits::SharedPermit;

/// The layer's state for a claimed delivery. The request's extensions hold it next to the
/// [`Delivery`](crate::Delivery), so that a batch can claim its events as well.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) dedupe: Arc<Dedupe>,
    /// Weak, because a handler may keep its request after it has ended. Otherwise the request would
    /// keep the permit.
    attempt: Weak<Attempt>,
    /// Whether the delivery was claimed by the id of its event.
    by_event_id: bool,
}

impl Claimed {
    pub(super) fn new(attempt: &Arc<Attempt>, by_event_id: bool) -> Self {
        let dedupe = Arc::clone(&attempt.dedupe);
        Self { dedupe, attempt: Arc::downgrade(attempt), by_event_id }
    }

    /// The time limit for a put into a queue, unless the user sets another: half of the response deadline.
    #[cfg(feature = "queue")]
    pub(crate) fn put_timeout(&self, delivery: &crate::Delivery) -> std::time::Duration {
        let response_deadline = self.dedupe.times(delivery).response_deadline;
        response_deadline.checked_div(2).unwrap_or_default()
    }

    /// Checks again that the handler may start. Call this last, when the handler has nothing left to wait
    /// for: what it waited for may have blocked its thread.
    #[cfg(feature = "tower")]
    pub(crate) fn may_start(&self) -> Result<(), crate::Rejection> {
        self.attempt.upgrade().map_or(Ok(()), |attempt| attempt.may_start())
    }

    /// Notes that the events of the delivery get claims of their own, unless the delivery was claimed as
    /// its event.
    #[cfg(feature = "events")]
    pub(crate) fn note_split(&self) {
        if !self.by_event_id
            && let Some(attempt) = self.attempt.upgrade()
        {
            attempt.split.set();
        }
    }

    /// The delivery's permit. `None` if its handler has ended.
    pub(crate) fn permit(&self) -> Option<Arc<SharedPermit>> {
        self.attempt.upgrade().map(|attempt| attempt.share_permit())
    }

    /// The delivery's permit, if the delivery was claimed by the id of its event. `None` if its
    /// handler has ended.
    pub(crate) fn permit_of_claimed_event(&self) -> Option<Arc<SharedPermit>> {
        self.permit().filter(|_| self.by_event_id)
    }
}

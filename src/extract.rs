//! What the extractors of all frameworks do, and what travels beside a delivery for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "events")]
use serde::de::DeserializeOwned;

use crate::dedupe::Claimed;
use crate::receive::Checks;
#[cfg(feature = "events")]
use crate::{Delivery, Event, Rejection, batch::Batch};

/// The layers' side of a delivery. It travels beside the [`Delivery`] in the request's
/// extensions, and is nobody else's business.
pub(crate) struct RequestContext {
    checks: Arc<Checks>,
    /// That the event header differs from the body is news once per delivery, however often
    /// the event is read.
    is_mismatch_known: AtomicBool,
    /// `None` above the deduplication, or without one.
    pub(crate) claimed: Option<Claimed>,
}

impl RequestContext {
    pub(crate) fn new(checks: &Arc<Checks>) -> Self {
        let checks = Arc::clone(checks);
        Self { checks, is_mismatch_known: AtomicBool::new(false), claimed: None }
    }

    /// The same below the deduplication.
    #[cfg(feature = "actix")]
    pub(crate) fn below(self, claimed: Claimed) -> Self {
        Self { claimed: Some(claimed), ..self }
    }

    /// Reads the event, and compares its type with the header.
    #[cfg(feature = "events")]
    pub(crate) fn event<T>(&self, delivery: &Delivery) -> Result<Event<T>, Rejection>
    where
        Event<T>: DeserializeOwned,
    {
        let event = delivery.event()?;
        self.compare_type(delivery, &event.event_type)?;
        Ok(event)
    }

    /// Reads one event or several, each to be claimed by itself.
    #[cfg(feature = "events")]
    pub(crate) fn batch(&self, delivery: &Delivery) -> Result<Batch, Rejection> {
        let claimed = self.claimed.as_ref().ok_or(Rejection::MissingDedupeLayer)?;
        let batch = Batch::read(delivery, claimed)?;
        if let Some(event_type) = batch.type_of_lone_event() {
            self.compare_type(delivery, event_type)?;
        }
        Ok(batch)
    }

    #[cfg(feature = "events")]
    fn compare_type(&self, delivery: &Delivery, event_type: &str) -> Result<(), Rejection> {
        if delivery.event_header().is_none_or(|header| header == event_type) {
            return Ok(());
        }
        let is_news = !self.is_mismatch_known.swap(true, Ordering::Relaxed);
        self.checks.compare_event_type(delivery, event_type, is_news)
    }
}

/// Extensions of requests are cloned with their request.
impl Clone for RequestContext {
    fn clone(&self) -> Self {
        Self {
            checks: Arc::clone(&self.checks),
            is_mismatch_known: AtomicBool::new(self.is_mismatch_known.load(Ordering::Relaxed)),
            claimed: self.claimed.clone(),
        }
    }
}

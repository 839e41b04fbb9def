//! The rules of the extractors, which are the same for all frameworks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "events")]
use serde::de::DeserializeOwned;

use crate::dedupe::Claimed;
use crate::receive::Checks;
#[cfg(feature = "events")]
use crate::{Delivery, Event, Rejection, batch::Batch};

/// The layers' state for one request. The request's extensions hold it next to the [`Delivery`],
/// for the extractors.
pub(crate) struct RequestContext {
    checks: Arc<Checks>,
    /// Whether a difference between the event header and the body was reported. It is reported once
    /// per delivery, however often the handler reads the event.
    is_mismatch_known: AtomicBool,
    /// `None` above a `DedupeLayer`, or without one.
    pub(crate) claimed: Option<Claimed>,
}

impl RequestContext {
    pub(crate) fn new(checks: &Arc<Checks>) -> Self {
        let checks = Arc::clone(checks);
        Self { checks, is_mismatch_known: AtomicBool::new(false), claimed: None }
    }

    /// The context below the deduplication.
    #[cfg(feature = "actix")]
    pub(crate) fn with_claimed(self, claimed: Claimed) -> Self {
        Self { claimed: Some(claimed), ..self }
    }

    /// Reads the event and compares its type with the event header.
    #[cfg(feature = "events")]
    pub(crate) fn event<T>(&self, delivery: &Delivery) -> Result<Event<T>, Rejection>
    where
        Event<T>: DeserializeOwned,
    {
        let event = delivery.event()?;
        self.compare_type(delivery, &event.event_type)?;
        Ok(event)
    }

    /// Reads the events of a batch, each to be claimed by its own id.
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

/// Implemented by hand because an `AtomicBool` is not `Clone`. Extensions are cloned with their
/// request.
impl Clone for RequestContext {
    fn clone(&self) -> Self {
        Self {
            checks: Arc::clone(&self.checks),
            is_mismatch_known: AtomicBool::new(self.is_mismatch_known.load(Ordering::Relaxed)),
            claimed: self.claimed.clone(),
        }
    }
}

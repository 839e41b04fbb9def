use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::dedupe::EventName;
use crate::{DeliveryId, Event};

/// How an event ended, or that it still waits.
pub(super) enum End<I> {
    Completed,
    AlreadyProcessed,
    /// The event has not started. It starts in the background.
    Waiting(Waiting<I>),
    Failed {
        event_id: Option<String>,
        reason: String,
    },
}

/// An event that can be claimed, as what its handler takes.
pub(crate) struct Waiting<I> {
    /// The event's names, for observers.
    pub(crate) name: EventName,
    /// The id to claim.
    pub(crate) claim_id: DeliveryId,
    /// The id for the report. `None` if the event cannot be read.
    pub(crate) event_id: Option<String>,
    pub(crate) item: I,
}

impl Waiting<Bytes> {
    pub(super) fn new(envelope: Event<IgnoredAny>, item: Bytes) -> Self {
        let Event { id, event_type, .. } = envelope;
        let (claim_id, event_id) = (DeliveryId::of_event(&id), Some(id.clone()));
        Self { name: EventName { id, event_type }, claim_id, event_id, item }
    }
}

impl<I> End<I> {
    pub(super) fn of(result: Result<(), String>, event_id: Option<String>) -> Self {
        match result {
            Ok(()) => Self::Completed,
            Err(reason) => Self::Failed { event_id, reason },
        }
    }

    pub(super) fn waiting(self) -> Option<Waiting<I>> {
        match self {
            Self::Waiting(waiting) => Some(waiting),
            _ => None,
        }
    }
}

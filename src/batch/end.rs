use bytes::Bytes;
use serde::de::IgnoredAny;

use crate::Event;
use crate::dedupe::EventName;

/// How an event ended, or that it still waits.
pub(super) enum End {
    Completed,
    AlreadyProcessed,
    /// The event has not started. It starts in the background.
    Waiting(Waiting),
    Failed {
        event_id: Option<String>,
        reason: String,
    },
}

/// An event whose envelope was read.
pub(super) struct Waiting {
    pub(super) name: EventName,
    pub(super) event: Bytes,
}

impl Waiting {
    pub(super) fn new(envelope: Event<IgnoredAny>, event: Bytes) -> Self {
        let Event { id, event_type, .. } = envelope;
        Self { name: EventName { id, event_type }, event }
    }
}

impl End {
    pub(super) fn of(result: Result<(), String>, event_id: String) -> Self {
        match result {
            Ok(()) => Self::Completed,
            Err(reason) => Self::Failed { event_id: Some(event_id), reason },
        }
    }

    pub(super) fn waiting(self) -> Option<Waiting> {
        match self {
            Self::Waiting(waiting) => Some(waiting),
            _ => None,
        }
    }
}

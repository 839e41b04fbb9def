use std::sync::atomic::{AtomicU64, Ordering};

use crate::{DeliveryId, trace};

/// Something an operator wants to know of and that an answer does not always
/// show. Counted per layer: [`DedupeLayer::incidents`](crate::DedupeLayer::incidents).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Incident {
    /// Signed bytes came again under another delivery id: somebody replays what
    /// they captured, or the sender gave a retry a new id.
    Replayed,
    /// A delivery id came again over another body, both rightly signed.
    IdReused,
    /// The store failed, was full or was too slow when a delivery was claimed.
    StoreFailed,
    /// A handler ran without a claim, as the options allow.
    RanUnclaimed,
    /// A delivery was refused because too many handlers were at work.
    TooManyInFlight,
    /// The client hung up, or the answer deadline passed, while the handler ran;
    /// it goes on in the background.
    Detached,
    /// A handler panicked.
    HandlerPanicked,
    /// A handler finished, or a lease was to be renewed, after another had taken
    /// the delivery: it may have been handled twice.
    LeaseLost,
    /// A handler ran longer than allowed and was dropped.
    RanTooLong,
    /// A handler's end was not recorded within half a second; the sender was
    /// answered, and the recording goes on in the background.
    SettlingLate,
    /// A handler's end could not be recorded at all: a retry may run it again.
    SettlingFailed,
}

/// One counter per incident.
#[derive(Debug, Default)]
pub(crate) struct Incidents([AtomicU64; Incident::SettlingFailed as usize + 1]);

impl Incidents {
    pub(super) fn count(&self, incident: Incident, id: Option<&DeliveryId>) {
        self.0[incident as usize].fetch_add(1, Ordering::Relaxed);
        trace::incident(incident, id);
    }

    pub(super) fn count_of(&self, incident: Incident) -> u64 {
        self.0[incident as usize].load(Ordering::Relaxed)
    }
}

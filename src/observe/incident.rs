use std::sync::atomic::{AtomicU64, Ordering};

use super::log;
use crate::DeliveryId;

/// Something an operator wants to know of and that an answer does not always
/// show. Counted per layer: [`DedupeLayer::incidents`](crate::DedupeLayer::incidents).
///
/// ```
/// use nevent_webhooks::{DedupeLayer, Incident, store::MemoryStore};
///
/// let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
/// for incident in Incident::ALL {
///     println!("nevent_{incident:?} {}", dedupe.incidents(*incident));
/// }
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Incident {
    /// Signed bytes came again under another delivery id: somebody replays what
    /// they captured, or the sender gave a retry a new id.
    Replay,
    /// A delivery id came again over another body, both rightly signed.
    Conflict,
    /// The store failed, or was too slow, when a delivery was claimed.
    StoreFailed,
    /// The store had no room for a claim, and nothing that it might forget.
    StoreFull,
    /// A claim was granted, and its lease may have expired before the handler could start:
    /// the process was stopped, the thread was blocked, or the store lost the claim. The
    /// handler did not run, the claim was given back, and the sender was answered 503.
    ClaimedTooLate,
    /// A handler ran without a claim, as the options allow.
    RanUnclaimed,
    /// A delivery was refused because too many handlers were at work.
    TooManyInFlight,
    /// The client hung up, or the response deadline passed, while the handler ran;
    /// it goes on in the background. Each event of a batch counts.
    MovedToBackground,
    /// A handler panicked.
    HandlerPanicked,
    /// An attempt ended when its lease may have expired, or another attempt held its
    /// delivery, or a renewal came too late: the delivery may have been handled twice.
    LeaseLost,
    /// A handler ran longer than allowed. It was dropped and its delivery released;
    /// or it blocks its thread, and only its lease lapses.
    HandlerTimedOut,
    /// A handler's end was not recorded within half a second; the sender was
    /// answered, and the recording goes on in the background.
    FinalizedLate,
    /// A handler's end could not be recorded at all: a retry may run it again.
    FinalizeFailed,
}

impl Incident {
    /// All of them, for those who export the counters. `Debug` gives the name.
    pub const ALL: &[Self] = &[
        Self::Replay,
        Self::Conflict,
        Self::StoreFailed,
        Self::StoreFull,
        Self::ClaimedTooLate,
        Self::RanUnclaimed,
        Self::TooManyInFlight,
        Self::MovedToBackground,
        Self::HandlerPanicked,
        Self::LeaseLost,
        Self::HandlerTimedOut,
        Self::FinalizedLate,
        Self::FinalizeFailed,
    ];
}

/// One counter per incident.
#[derive(Debug, Default)]
pub(crate) struct Incidents([AtomicU64; Incident::ALL.len()]);

impl Incidents {
    pub(crate) fn count(&self, incident: Incident, id: &DeliveryId) {
        self.counter(incident).fetch_add(1, Ordering::Relaxed);
        log::incident(incident, id);
    }

    pub(crate) fn count_of(&self, incident: Incident) -> u64 {
        self.counter(incident).load(Ordering::Relaxed)
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many as incidents")]
    fn counter(&self, incident: Incident) -> &AtomicU64 {
        &self.0[incident as usize]
    }
}

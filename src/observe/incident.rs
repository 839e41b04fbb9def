use std::sync::atomic::{AtomicU64, Ordering};

use super::{Outcome, StoreOperation};
use crate::store::StoreError;

/// Something that an operator should know and that a response does not always show.
///
/// [`DedupeLayer::incidents`](crate::DedupeLayer::incidents) counts them per layer. Each incident is
/// one of the [outcomes](Outcome), or a part of one.
///
/// ```
/// use nevent_webhooks::{DedupeLayer, Incident, store::MemoryStore};
///
/// let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
/// for incident in Incident::ALL {
///     println!("nevent_{} {}", incident.as_str(), dedupe.incidents(*incident));
/// }
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Incident {
    /// The same signed bytes arrived under another delivery id. An attacker replays captured
    /// requests, or the sender gave a retry a new id.
    Replay,
    /// An earlier delivery had the same id and another body. Both are authentic.
    Conflict,
    /// The store failed, or was too slow, when a delivery was claimed.
    StoreFailed,
    /// The store had no room for a claim and no record that it may evict.
    StoreFull,
    /// A claim was granted, but its lease may have expired before the handler could start. The
    /// process was stopped, the thread was blocked, or the store lost the claim. The handler did not
    /// run, the claim was released, and the sender got a 503.
    ClaimedTooLate,
    /// A handler ran without a claim, as the options allow.
    RanUnclaimed,
    /// A delivery was rejected because too many handlers were running.
    TooManyInFlight,
    /// The client hung up, or the response deadline passed, while the handler ran. The handler
    /// continues in the background. Each event of a batch counts.
    MovedToBackground,
    /// A handler panicked.
    HandlerPanicked,
    /// The delivery may have been handled twice: an attempt ended when its lease may have expired,
    /// another attempt owned its delivery, or a renewal was too late.
    LeaseLost,
    /// The store failed, or was too slow, when a lease was to be renewed. The layer tries again. If no
    /// renewal succeeds in time, the lease is lost.
    RenewalFailed,
    /// A handler ran longer than its timeout. It was dropped and its delivery released. A handler
    /// that blocks its thread cannot be dropped: its lease expires instead.
    HandlerTimedOut,
    /// The store did not record a handler's end within half a second. The sender got its response,
    /// and the layer retries in the background.
    FinalizedLate,
    /// The store never recorded a handler's end. A retry may run the handler again.
    FinalizeFailed,
    /// A handler returned 2xx after it had completed its delivery in its own transaction, and the
    /// transaction was not committed: it was dropped or rolled back, or a statement in it had failed.
    NotCommitted,
}

impl Incident {
    /// All incidents, to export the counters.
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
        Self::RenewalFailed,
        Self::HandlerTimedOut,
        Self::FinalizedLate,
        Self::FinalizeFailed,
        Self::NotCommitted,
    ];

    /// The incident's name in `snake_case`. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Conflict => "conflict",
            Self::StoreFailed => "store_failed",
            Self::StoreFull => "store_full",
            Self::ClaimedTooLate => "claimed_too_late",
            Self::RanUnclaimed => "ran_unclaimed",
            Self::TooManyInFlight => "too_many_in_flight",
            Self::MovedToBackground => "moved_to_background",
            Self::HandlerPanicked => "handler_panicked",
            Self::LeaseLost => "lease_lost",
            Self::RenewalFailed => "renewal_failed",
            Self::HandlerTimedOut => "handler_timed_out",
            Self::FinalizedLate => "finalized_late",
            Self::FinalizeFailed => "finalize_failed",
            Self::NotCommitted => "not_committed",
        }
    }

    /// The incident for an outcome, if the outcome is one.
    pub(crate) fn of(outcome: &Outcome<'_>) -> Option<Self> {
        Some(match outcome {
            Outcome::Replay { .. } => Self::Replay,
            Outcome::Conflict => Self::Conflict,
            Outcome::StoreFailed { operation: StoreOperation::Claim, error, .. } => match error {
                StoreError::Full { .. } => Self::StoreFull,
                StoreError::Unavailable(_) => Self::StoreFailed,
            },
            Outcome::StoreFailed { operation: StoreOperation::Renew, .. } => Self::RenewalFailed,
            Outcome::ClaimedTooLate => Self::ClaimedTooLate,
            Outcome::RanUnclaimed => Self::RanUnclaimed,
            Outcome::TooManyInFlight { .. } => Self::TooManyInFlight,
            Outcome::MovedToBackground { .. } => Self::MovedToBackground,
            Outcome::HandlerPanicked { .. } => Self::HandlerPanicked,
            Outcome::LeaseLost => Self::LeaseLost,
            Outcome::HandlerTimedOut { .. } => Self::HandlerTimedOut,
            Outcome::FinalizedLate => Self::FinalizedLate,
            Outcome::FinalizeFailed => Self::FinalizeFailed,
            Outcome::NotCommitted => Self::NotCommitted,
            _ => return None,
        })
    }
}

/// Counts incidents.
#[derive(Debug, Default)]
pub(crate) struct Incidents([AtomicU64; Incident::ALL.len()]);

impl Incidents {
    pub(crate) fn count(&self, outcome: &Outcome<'_>) {
        if let Some(incident) = Incident::of(outcome) {
            self.counter(incident).fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_of(&self, incident: Incident) -> u64 {
        self.counter(incident).load(Ordering::Relaxed)
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many as incidents")]
    fn counter(&self, incident: Incident) -> &AtomicU64 {
        &self.0[incident as usize]
    }
}

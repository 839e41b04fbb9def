//! What each outcome counts as.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::observe::{Observation, Outcome};

/// An outcome that `deliveries_total` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfDelivery {
    Verified,
    TokenAccepted,
    HandshakeAnswered,
    EventTypeMismatch,
    Claimed,
    Duplicate,
    DuplicateInFlight,
    HandlerSucceeded,
    HandlerFailed,
    HandlerPanicked,
    HandlerTimedOut,
}

impl OfDelivery {
    /// Those of the layers that check requests.
    pub(super) const OF_CHECKS: &[Self] =
        &[Self::Verified, Self::TokenAccepted, Self::HandshakeAnswered, Self::EventTypeMismatch];

    /// Those of the layer that runs the handler once.
    pub(super) const OF_DEDUPLICATION: &[Self] = &[
        Self::Claimed,
        Self::Duplicate,
        Self::DuplicateInFlight,
        Self::HandlerSucceeded,
        Self::HandlerFailed,
        Self::HandlerPanicked,
        Self::HandlerTimedOut,
    ];

    pub(super) const COUNT: usize = 11;

    /// What this outcome of a delivery counts as. Outcomes of the events of a batch count in
    /// `events_total`, rejections and incidents in metrics of their own.
    pub(super) fn of(of: &Observation<'_>) -> Option<Self> {
        if of.event_id.is_some() {
            return None;
        }
        Some(match of.outcome {
            Outcome::Verified { .. } => Self::Verified,
            Outcome::TokenAccepted { .. } => Self::TokenAccepted,
            Outcome::HandshakeAnswered => Self::HandshakeAnswered,
            Outcome::EventTypeMismatch { .. } => Self::EventTypeMismatch,
            Outcome::Claimed { .. } => Self::Claimed,
            Outcome::Duplicate { in_flight: false } => Self::Duplicate,
            Outcome::Duplicate { in_flight: true } => Self::DuplicateInFlight,
            Outcome::HandlerSucceeded { .. } => Self::HandlerSucceeded,
            Outcome::HandlerFailed { .. } => Self::HandlerFailed,
            Outcome::HandlerPanicked { .. } => Self::HandlerPanicked,
            Outcome::HandlerTimedOut { .. } => Self::HandlerTimedOut,
            _ => return None,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::TokenAccepted => "token_accepted",
            Self::HandshakeAnswered => "handshake_answered",
            Self::EventTypeMismatch => "event_type_mismatch",
            Self::Claimed => "claimed",
            Self::Duplicate => "duplicate",
            Self::DuplicateInFlight => "duplicate_in_flight",
            Self::HandlerSucceeded => "handler_succeeded",
            Self::HandlerFailed => "handler_failed",
            Self::HandlerPanicked => "handler_panicked",
            Self::HandlerTimedOut => "handler_timed_out",
        }
    }
}

/// How an event ended, in `events_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfEvent {
    Duplicate,
    DuplicateInFlight,
    HandlerSucceeded,
    HandlerFailed,
    HandlerPanicked,
    HandlerTimedOut,
    Unreadable,
    NotBegun,
}

impl OfEvent {
    pub(super) const COUNT: usize = 8;

    /// The end of an event that this outcome tells of.
    ///
    /// A delivery counts as one event. If its handler gave each event of a batch a claim of its own,
    /// the ends of the events count, and the delivery's own does not.
    ///
    /// Not counted are outcomes before the end, and `EventFailed`: the end of the delivery follows, with
    /// which that event was claimed. Nor is an event that was not handled because the store failed or too
    /// many handlers were running: these are incidents.
    pub(super) fn of(of: &Observation<'_>) -> Option<Self> {
        let end = match of.outcome {
            Outcome::Duplicate { in_flight: false } => Self::Duplicate,
            Outcome::Duplicate { in_flight: true } => Self::DuplicateInFlight,
            Outcome::HandlerSucceeded { .. } => Self::HandlerSucceeded,
            Outcome::HandlerFailed { .. } => Self::HandlerFailed,
            Outcome::HandlerPanicked { .. } => Self::HandlerPanicked,
            Outcome::HandlerTimedOut { .. } => Self::HandlerTimedOut,
            Outcome::EventUnreadable { .. } => return Some(Self::Unreadable),
            Outcome::EventNotBegun => Self::NotBegun,
            _ => return None,
        };
        (of.event_id.is_some() || !of.is_split).then_some(end)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::DuplicateInFlight => "duplicate_in_flight",
            Self::HandlerSucceeded => "handler_succeeded",
            Self::HandlerFailed => "handler_failed",
            Self::HandlerPanicked => "handler_panicked",
            Self::HandlerTimedOut => "handler_timed_out",
            Self::Unreadable => "event_unreadable",
            Self::NotBegun => "event_not_begun",
        }
    }
}

/// Whether the events of a delivery have claims of their own.
#[derive(Debug, Default)]
pub(crate) struct Split(AtomicBool);

impl Split {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

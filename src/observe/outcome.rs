use std::time::Duration;

use crate::store::StoreError;
use crate::{DeliveryId, Rejection};

/// One thing that happened to a request, with what is known of it.
///
/// A request has several outcomes: an ordinary delivery is `verified`, `claimed` and
/// `handler_succeeded`, with a `store_answered` for each call of the store. A response in
/// the handler's place is `rejected` after the outcome that says why.
///
/// Minor releases may add variants, and fields to variants. The names that
/// [`Outcome::as_str`] returns do not change.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The request is genuine and fresh.
    #[non_exhaustive]
    Verified {
        /// Seconds between the signature and the end of the body; negative when the
        /// sender's clock is ahead.
        age: i64,
        /// The name of the secret that matched.
        secret: &'a str,
        /// Bytes in the body.
        body_bytes: usize,
        /// From the head of the request to the end of its body.
        body_read: Duration,
    },
    /// A layer, or an extractor, answered in the handler's place.
    #[non_exhaustive]
    Rejected {
        /// Why.
        rejection: &'a Rejection,
    },
    /// The body's `type` is not what the `X-Nevent-Event` header says. Once per delivery.
    #[non_exhaustive]
    EventTypeMismatch {
        /// What the header says, shortened and escaped.
        header: &'a str,
        /// What the body says, shortened and escaped.
        body: &'a str,
    },
    /// The store granted the claim: the handler may run.
    #[non_exhaustive]
    Claimed {
        /// How long the claim took.
        took: Duration,
    },
    /// A repeat of a delivery that is completed, or that another attempt is working on.
    #[non_exhaustive]
    Duplicate {
        /// Another attempt is working on it.
        in_flight: bool,
    },
    /// Signed bytes came again under another delivery id. What becomes of them follows.
    #[non_exhaustive]
    Replay {
        /// The id that they came with first.
        first_id: &'a DeliveryId,
    },
    /// A delivery id came again over another body, both rightly signed.
    Conflict,
    /// The store granted the claim, but the lease may have expired before the handler
    /// could start. The claim was given back.
    ClaimedTooLate,
    /// The handler runs without a claim, as the options allow when the store fails.
    RanUnclaimed,
    /// The delivery was refused because too many handlers were at work.
    #[non_exhaustive]
    TooManyInFlight {
        /// How many are allowed.
        limit: usize,
    },
    /// The handler answered 2xx, or an event of a batch was handled.
    #[non_exhaustive]
    HandlerSucceeded {
        /// How long the handler ran.
        took: Duration,
        /// After the client had left, or had been answered.
        in_background: bool,
    },
    /// The handler answered another status, or returned an error.
    #[non_exhaustive]
    HandlerFailed {
        /// The status; `None` for an error without one.
        status: Option<u16>,
        /// Why, shortened and escaped: the error of an event of a batch, or the
        /// [`Rejection`] in the response.
        error: Option<&'a str>,
        /// How long the handler ran.
        took: Duration,
        /// After the client had left, or had been answered.
        in_background: bool,
    },
    /// The handler panicked.
    #[non_exhaustive]
    HandlerPanicked {
        /// How long the handler ran.
        took: Duration,
        /// After the client had left, or had been answered.
        in_background: bool,
    },
    /// The handler ran longer than its timeout. It was dropped and its delivery released,
    /// or it blocks its thread, and only its lease expires.
    #[non_exhaustive]
    HandlerTimedOut {
        /// How long the attempt ran.
        took: Duration,
    },
    /// The handler goes on without a client.
    #[non_exhaustive]
    MovedToBackground {
        /// Why.
        cause: BackgroundCause,
        /// How long the attempt had run.
        after: Duration,
    },
    /// The lease was renewed.
    #[non_exhaustive]
    LeaseRenewed {
        /// How long the renewal took.
        took: Duration,
    },
    /// The attempt lost its lease, or may have: the delivery may have been handled twice.
    LeaseLost,
    /// The store did not record the handler's end within half a second. The recording goes
    /// on in the background.
    FinalizedLate,
    /// The store never recorded the handler's end: a retry may run it again.
    FinalizeFailed,
    /// The store answered a call.
    #[non_exhaustive]
    StoreAnswered {
        /// Which call.
        operation: StoreOperation,
        /// How long it took.
        took: Duration,
    },
    /// A call of the store failed, panicked or timed out.
    #[non_exhaustive]
    StoreFailed {
        /// Which call.
        operation: StoreOperation,
        /// Why.
        error: &'a StoreError,
        /// How long it took.
        took: Duration,
    },
    /// The store answers again after it had failed.
    #[non_exhaustive]
    StoreRecovered {
        /// Since the first failure.
        down_for: Duration,
        /// How many calls failed.
        failures: u64,
    },
    /// An event of a batch cannot be read as one, so no handler ran for it.
    #[non_exhaustive]
    EventUnreadable {
        /// Its place in the batch, from 0.
        position: usize,
        /// What is wrong with it; never its content.
        reason: &'a str,
    },
    /// An event of a batch failed that was claimed together with its delivery: the delivery's
    /// own end follows.
    #[non_exhaustive]
    EventFailed {
        /// The error's text, shortened and escaped.
        error: &'a str,
    },
    /// An event of a batch had not begun when the response was due: it begins in the
    /// background.
    EventDeferred,
    /// An event of a batch did not begin within the handler timeout: it is left to the
    /// retry.
    EventNotBegun,
}

/// Why a handler goes on without a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackgroundCause {
    /// The client hung up.
    ClientLeft,
    /// The response was due, and the client was answered 503.
    ResponseDue,
}

/// A call of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreOperation {
    /// [`Store::claim`](crate::Store::claim).
    Claim,
    /// [`Store::renew`](crate::Store::renew).
    Renew,
    /// [`Store::complete`](crate::Store::complete).
    Complete,
    /// [`Store::release`](crate::Store::release).
    Release,
}

impl Outcome<'_> {
    /// The outcome's name in `snake_case`, for counters and log lines. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Verified { .. } => "verified",
            Self::Rejected { .. } => "rejected",
            Self::EventTypeMismatch { .. } => "event_type_mismatch",
            Self::Claimed { .. } => "claimed",
            Self::Duplicate { .. } => "duplicate",
            Self::Replay { .. } => "replay",
            Self::Conflict => "conflict",
            Self::ClaimedTooLate => "claimed_too_late",
            Self::RanUnclaimed => "ran_unclaimed",
            Self::TooManyInFlight { .. } => "too_many_in_flight",
            Self::HandlerSucceeded { .. } => "handler_succeeded",
            Self::HandlerFailed { .. } => "handler_failed",
            Self::HandlerPanicked { .. } => "handler_panicked",
            Self::HandlerTimedOut { .. } => "handler_timed_out",
            Self::MovedToBackground { .. } => "moved_to_background",
            Self::LeaseRenewed { .. } => "lease_renewed",
            Self::LeaseLost => "lease_lost",
            Self::FinalizedLate => "finalized_late",
            Self::FinalizeFailed => "finalize_failed",
            Self::StoreAnswered { .. } => "store_answered",
            Self::StoreFailed { .. } => "store_failed",
            Self::StoreRecovered { .. } => "store_recovered",
            Self::EventUnreadable { .. } => "event_unreadable",
            Self::EventFailed { .. } => "event_failed",
            Self::EventDeferred => "event_deferred",
            Self::EventNotBegun => "event_not_begun",
        }
    }
}

impl BackgroundCause {
    /// The cause's name in `snake_case`. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::ClientLeft => "client_left",
            Self::ResponseDue => "response_due",
        }
    }
}

impl StoreOperation {
    /// The operation's name. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Renew => "renew",
            Self::Complete => "complete",
            Self::Release => "release",
        }
    }
}

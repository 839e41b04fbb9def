use std::time::Duration;

use super::{BackgroundCause, StoreOperation};
use crate::store::StoreError;
use crate::{DeliveryId, Rejection};

/// One thing that happened to a request, with its details.
///
/// A request has several outcomes: an ordinary delivery is `verified`, `claimed` and
/// `handler_succeeded`, with a `store_answered` for each call of the store. If a layer responds in
/// the handler's place, `rejected` follows the outcome that says why.
///
/// Minor releases may add variants, and fields to variants. The names that
/// [`Outcome::as_str`] returns do not change.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The request is genuine and fresh.
    #[non_exhaustive]
    Verified {
        /// Seconds between the signature and the end of the body. Negative if the sender's clock is
        /// ahead. `None` if the signature covers no time.
        age: Option<i64>,
        /// The name of the secret that matched.
        secret: &'a str,
        /// Bytes in the body.
        body_bytes: usize,
        /// The time from the head of the request to the end of its body.
        body_read: Duration,
    },
    /// The request has the right token. Nothing in it is signed.
    #[non_exhaustive]
    TokenAccepted {
        /// The name of the token that matched.
        token: &'a str,
        /// Bytes in the body.
        body_bytes: usize,
        /// The time from the head of the request to the end of its body.
        body_read: Duration,
    },
    /// The request is a genuine and fresh handshake, and `VerifyLayer` sent its challenge back. It is no
    /// delivery, so no other outcome follows.
    HandshakeAnswered,
    /// A layer or an extractor responded in the handler's place.
    #[non_exhaustive]
    Rejected {
        /// The response and its reason.
        rejection: &'a Rejection,
    },
    /// The body's `type` differs from the `X-Nevent-Event` header. Reported once per delivery.
    #[non_exhaustive]
    EventTypeMismatch {
        /// The type in the header, shortened and escaped.
        header: &'a str,
        /// The type in the body, shortened and escaped.
        body: &'a str,
    },
    /// The store granted the claim: the handler may run.
    #[non_exhaustive]
    Claimed {
        /// How long the claim took.
        took: Duration,
    },
    /// A repeat of a delivery that is completed or in flight.
    #[non_exhaustive]
    Duplicate {
        /// Whether another attempt is working on the delivery. Otherwise it is completed.
        in_flight: bool,
    },
    /// A replay: the same signed bytes arrived under another delivery id. The delivery is then
    /// claimed under the first id, and the outcome of that claim follows.
    #[non_exhaustive]
    Replay {
        /// The delivery id with which the signed bytes first arrived.
        first_id: &'a DeliveryId,
    },
    /// A conflict: an earlier delivery had the same id and another body. Both are authentic.
    Conflict,
    /// The store granted the claim, but the lease may have expired before the handler could start.
    /// The claim was released.
    ClaimedTooLate,
    /// The handler runs without a claim, as the options allow when the store fails.
    RanUnclaimed,
    /// The delivery was rejected because too many handlers were running.
    #[non_exhaustive]
    TooManyInFlight {
        /// How many handlers may run at once.
        limit: usize,
    },
    /// The handler returned 2xx, or an event of a batch was handled.
    #[non_exhaustive]
    HandlerSucceeded {
        /// How long the handler ran.
        took: Duration,
        /// Whether the client had hung up or had got its response.
        in_background: bool,
    },
    /// The handler returned another status or an error.
    #[non_exhaustive]
    HandlerFailed {
        /// The status. `None` for an error without a status.
        status: Option<u16>,
        /// The reason, shortened and escaped: the error of an event of a batch, or the [`Rejection`]
        /// in the response.
        error: Option<&'a str>,
        /// How long the handler ran.
        took: Duration,
        /// Whether the client had hung up or had got its response.
        in_background: bool,
    },
    /// The handler panicked.
    #[non_exhaustive]
    HandlerPanicked {
        /// How long the handler ran.
        took: Duration,
        /// Whether the client had hung up or had got its response.
        in_background: bool,
    },
    /// The handler ran longer than its timeout. It was dropped and its delivery released. A handler
    /// that blocks its thread cannot be dropped: its lease expires instead.
    #[non_exhaustive]
    HandlerTimedOut {
        /// How long the attempt ran.
        took: Duration,
    },
    /// The handler continues in the background.
    #[non_exhaustive]
    MovedToBackground {
        /// The reason.
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
    /// The attempt lost its lease, or may have lost it. The delivery may have been handled twice.
    LeaseLost,
    /// The store did not record the handler's end within half a second. The layer retries in the
    /// background.
    FinalizedLate,
    /// The store never recorded the handler's end. A retry may run the handler again.
    FinalizeFailed,
    /// The handler returned 2xx after it had completed the delivery in its own transaction, but the
    /// store cannot confirm it. The sender gets a 500, and the claim is released.
    NotCommitted,
    /// The store answered a call.
    #[non_exhaustive]
    StoreAnswered {
        /// The operation.
        operation: StoreOperation,
        /// How long the call took.
        took: Duration,
    },
    /// A call of the store failed, panicked or timed out.
    #[non_exhaustive]
    StoreFailed {
        /// The operation.
        operation: StoreOperation,
        /// The store's error.
        error: &'a StoreError,
        /// How long the call took.
        took: Duration,
    },
    /// The store answers again after it had failed.
    #[non_exhaustive]
    StoreRecovered {
        /// The time since the first failure.
        down_for: Duration,
        /// How many calls failed.
        failures: u64,
    },
    /// An event of a batch cannot be read as one, so no handler ran for it.
    #[non_exhaustive]
    EventUnreadable {
        /// The event's position in the batch, from 0.
        position: usize,
        /// Describes what is wrong with the event. It never shows values of the event.
        reason: &'a str,
    },
    /// An event of a batch failed that was claimed together with its delivery. The outcome of the
    /// delivery's own handler follows.
    #[non_exhaustive]
    EventFailed {
        /// The error's text, shortened and escaped.
        error: &'a str,
    },
    /// An event of a batch had not started when the report was due. It starts in the background.
    EventDeferred,
    /// An event of a batch did not start within the handler timeout. It is left to the sender's
    /// retry.
    EventNotBegun,
}

impl Outcome<'_> {
    /// The outcome's name in `snake_case`, for counters and log lines. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Verified { .. } => "verified",
            Self::TokenAccepted { .. } => "token_accepted",
            Self::HandshakeAnswered => "handshake_answered",
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
            Self::NotCommitted => "not_committed",
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

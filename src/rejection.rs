//! Rejections: the HTTP responses that the layers give in the handler's place.

mod body_error;
mod creation_time;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod custom_response;
mod fault;
mod reason;
mod response;

use std::sync::Arc;
use std::time::Duration;

pub use self::body_error::BodyError;
pub use self::creation_time::CreationTimeError;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub use self::custom_response::RejectionResponse;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use self::custom_response::Respond;
pub use self::fault::Fault;
#[cfg(any(feature = "events", feature = "schemes"))]
use crate::EventError;
#[cfg(feature = "schemes")]
use crate::credential::TokenError;
use crate::{DeliveryIdError, VerifyError};

/// A response that a layer gives in the handler's place, and its reason.
///
/// The layer inserts the rejection into the response's extensions, so that outer middleware
/// can count it, log it or replace the response. In actix-web the rejection is the response's
/// error.
///
/// `Display` is for logs and may contain figures from the request. The sender reads only
/// [`Rejection::body_text`], which never does. [`Rejection::as_str`] is a name for
/// counters, and [`Rejection::fault`] says who has to act.
///
/// ```
/// use nevent_webhooks::{DeliveryIdError, Fault, Rejection};
///
/// let rejection = Rejection::from(DeliveryIdError::Missing);
/// assert_eq!(rejection.status(), 400);
/// assert_eq!(rejection.body_text(), "Missing delivery id");
/// assert_eq!(rejection.to_string(), "authentic, but there is no delivery id");
/// assert_eq!(rejection.as_str(), "missing_delivery_id");
/// assert_eq!(rejection.fault(), Some(Fault::Sender));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The request comes from an address that is not on the list of a
    /// [`SourceLayer`](crate::source::SourceLayer). Only its head was read.
    #[cfg(feature = "source")]
    #[error("{}", reason::source_text(*.address))]
    #[non_exhaustive]
    SourceForbidden {
        /// The address. `None` if the request comes from a trusted proxy that names no client.
        address: Option<std::net::IpAddr>,
    },
    /// A trusted proxy says that the request came to it in clear, or does not say that it came by HTTPS.
    #[cfg(feature = "source")]
    #[error("the trusted proxy does not say that the request came by HTTPS")]
    InClear,
    /// The signature is missing or malformed, or the delivery is not genuine or not fresh.
    #[error(transparent)]
    Signature(#[from] VerifyError),
    /// As [`Rejection::Signature`], with the status 403 in place of 401, for a sender that stops
    /// sending after a 401: see
    /// [`Terms::forbidden_for_unauthorized`](crate::scheme::Terms::forbidden_for_unauthorized).
    #[error("{0}")]
    SignatureForbidden(VerifyError),
    /// The token is missing, malformed or wrong, on a route with a
    /// [`TokenLayer`](crate::token::TokenLayer).
    #[cfg(feature = "schemes")]
    #[error(transparent)]
    Token(#[from] TokenError),
    /// As [`Rejection::Token`], with the status 403 in place of 401, for a sender that stops sending
    /// after a 401.
    #[cfg(feature = "schemes")]
    #[error("{0}")]
    TokenForbidden(TokenError),
    /// The request belongs to none of the tenants of a layer with a verifier per tenant. The
    /// sender gets the response of [`VerifyError::InvalidSignature`], so that it cannot tell
    /// which tenants exist.
    #[error("the request belongs to no known tenant")]
    UnknownTenant,
    /// As [`Rejection::UnknownTenant`], with the status 403, where unknown tenants are answered as
    /// those of a sender that stops sending after a 401: see
    /// [`VerifyOptions::unknown_tenants_as`](crate::VerifyOptions::unknown_tenants_as).
    #[error("the request belongs to no known tenant")]
    UnknownTenantForbidden,
    /// The body has, or declares, more bytes than the limit.
    #[error("the body is longer than {limit} bytes")]
    #[non_exhaustive]
    PayloadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// An outer layer cut the body off at its own size limit.
    #[error("an outer layer cut the body off at its size limit")]
    #[non_exhaustive]
    OuterBodyLimit {
        /// The outer layer's error.
        source: BodyError,
    },
    /// The next bytes of this body did not fit into the budget for unverified bodies.
    #[error("no room for this body: all unverified bodies together may hold {budget} bytes")]
    #[non_exhaustive]
    BodyBudgetExhausted {
        /// The budget in bytes.
        budget: usize,
    },
    /// The connection failed before the body ended.
    #[error("the body ended early or could not be read")]
    #[non_exhaustive]
    UnreadableBody {
        /// The error of the connection, or of an outer layer.
        source: BodyError,
    },
    /// The body stalled, or took too long in all.
    #[error("the body did not arrive within {limit:?}")]
    #[non_exhaustive]
    BodyTimeout {
        /// The limit that passed.
        limit: Duration,
    },
    /// An outer layer cut the body off at its own time limit.
    #[error("an outer layer cut the body off at its time limit")]
    #[non_exhaustive]
    OuterBodyTimeout {
        /// The outer layer's error.
        source: BodyError,
    },
    /// The request has a `Content-Encoding` that changes the bytes, or an unknown one.
    #[error("the body has a content encoding, so its bytes are not the ones that were signed")]
    UnsupportedContentEncoding,
    /// The delivery is authentic, but its delivery id is missing or malformed.
    #[error("authentic, but {0}")]
    DeliveryId(DeliveryIdError),
    /// The delivery is an authentic `url_verification`, but its challenge is missing, longer than 512
    /// bytes, or has characters that a browser could take for markup. It is not sent back.
    #[error(
        "authentic, but its challenge is missing, too long or not plain ASCII: it is not sent back"
    )]
    MalformedChallenge,
    /// The delivery is authentic, but its event is older than the retention, or does not say when it
    /// was created: see
    /// [`DedupeOptions::reject_events_older_than_retention`](crate::DedupeOptions::reject_events_older_than_retention).
    #[error("authentic, but {0}")]
    CreationTime(CreationTimeError),
    /// As [`Rejection::CreationTime`], with the status 403 in place of 401, for a sender that stops
    /// sending after a 401.
    #[error("authentic, but {0}")]
    CreationTimeForbidden(CreationTimeError),
    /// A handler already completed this delivery. Not an error: the sender gets a 200 and
    /// stops sending.
    #[error("already processed")]
    AlreadyProcessed,
    /// A handler is still working on this delivery.
    #[error("another attempt is in progress, and its lease expires in {lease:?}")]
    #[non_exhaustive]
    DeliveryInProgress {
        /// The time until the lease of that attempt expires, unless it is renewed.
        lease: Duration,
    },
    /// An earlier delivery had the same id and another body. Both are authentic.
    #[error("the delivery id was used before, with a different body")]
    DeliveryIdConflict,
    /// The handler panicked. The claim was released, so that a retry runs the handler again.
    #[error("the handler panicked")]
    HandlerPanicked,
    /// The handler did not finish by the response deadline and continues in the background.
    #[error("the handler did not finish by the response deadline and continues in the background")]
    StillProcessing,
    /// The store failed, had no room, or did not respond in time. The handler did not run.
    #[error("the delivery could not be claimed: {reason}")]
    #[non_exhaustive]
    StoreUnavailable {
        /// The store's error.
        reason: Arc<str>,
    },
    /// The delivery could not be completed in the handler's transaction: see
    /// [`CompleteError`](crate::transaction::CompleteError).
    #[error("the delivery could not be completed in the handler's transaction: {reason}")]
    #[non_exhaustive]
    NotCompleted {
        /// The party that has to act.
        fault: Fault,
        /// The error.
        reason: Arc<str>,
    },
    /// The handler returned 2xx after it had completed the delivery in its own transaction, but the
    /// store cannot confirm it: the transaction was not committed. The claim was released, so that a
    /// retry runs the handler again.
    #[error("the handler returned 2xx, but its transaction was not committed")]
    NotCommitted,
    /// The queue did not confirm that it has the delivery: see [`HandOver`](crate::queue::HandOver). The
    /// claim was released, so that a retry hands the delivery over again.
    #[cfg(feature = "queue")]
    #[error("the delivery could not be handed over: {reason}")]
    #[non_exhaustive]
    QueueUnavailable {
        /// The queue's error.
        reason: Arc<str>,
    },
    /// As many handlers are running as `max_in_flight` allows. The handler did not run.
    #[error("{limit} handlers are running already, and no more are allowed at once")]
    #[non_exhaustive]
    TooManyInFlight {
        /// How many are allowed at once.
        limit: usize,
    },
    /// The body is not the JSON of an event, or not of the type that the handler asks for.
    #[cfg(any(feature = "events", feature = "schemes"))]
    #[error("authentic, but {0}")]
    Event(EventError),
    /// The batch has more events than the library accepts.
    #[error("authentic, but the batch has {events} events and {limit} is the most")]
    #[non_exhaustive]
    TooManyEvents {
        /// How many events the batch has.
        events: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// The `X-Nevent-Event` header names another type than the signed body. Rejected in
    /// strict mode only.
    #[error("authentic, but the event header says {header:?} and the body says {body:?}")]
    #[non_exhaustive]
    EventTypeMismatch {
        /// The type in the header.
        header: Arc<str>,
        /// The type in the body.
        body: Arc<str>,
    },
    /// Not all events of a batch are done. The sender's retry runs the handler for the others.
    #[error("{failed} of the {of} events of this batch are not done")]
    #[non_exhaustive]
    BatchIncomplete {
        /// How many are not done.
        failed: usize,
        /// How many there are.
        of: usize,
    },
    /// The request passed through two [`VerifyLayer`](crate::VerifyLayer)s. The second
    /// deduplication would treat every delivery as a repeat of itself.
    #[error("two VerifyLayers above this handler: remove one, and its DedupeLayer")]
    TwoVerifyLayers,
    /// An extractor was used on a route without [`VerifyLayer`](crate::VerifyLayer).
    #[error("no VerifyLayer or WebhookMiddleware above this handler: add it to the route")]
    MissingVerifyLayer,
    /// An extractor for signed deliveries was used on a route with a
    /// [`TokenLayer`](crate::token::TokenLayer), where nothing is signed.
    #[cfg(feature = "schemes")]
    #[error("only a TokenLayer above this handler, so nothing is signed: take a TokenDelivery")]
    NotSigned,
    /// A [`TokenDelivery`](crate::token::TokenDelivery) was used on a route without
    /// [`TokenLayer`](crate::token::TokenLayer).
    #[cfg(feature = "schemes")]
    #[error("no TokenLayer above this handler, which its TokenDelivery needs: add it to the route")]
    MissingTokenLayer,
    /// The request passed through a [`TokenLayer`](crate::token::TokenLayer) below another one or below
    /// a [`VerifyLayer`](crate::VerifyLayer).
    #[cfg(feature = "schemes")]
    #[error("a TokenLayer below another one or a VerifyLayer: remove one, and its DedupeLayer")]
    TwoTokenLayers,
    /// A `Batch` or a hand-over was used on a route without [`DedupeLayer`](crate::DedupeLayer).
    #[error("no DedupeLayer above this handler, which needs it: add it to the route")]
    MissingDedupeLayer,
    /// A [`SourceLayer`](crate::source::SourceLayer) cannot learn the peer's address from the server.
    #[cfg(feature = "source")]
    #[error(
        "the SourceLayer does not know the peer's address: serve with \
         into_make_service_with_connect_info, and set SourceLayer::peer_address"
    )]
    UnknownPeer,
    /// A [`SourceLayer`](crate::source::SourceLayer) is below a [`VerifyLayer`](crate::VerifyLayer) or
    /// another layer that has read the body already.
    #[cfg(feature = "source")]
    #[error("the SourceLayer is below a layer that reads the body: put it outside of all others")]
    LateSourceLayer,
}

impl From<DeliveryIdError> for Rejection {
    fn from(error: DeliveryIdError) -> Self {
        Self::DeliveryId(error)
    }
}

/// Lets a handler use `?` when it reads an event, to respond 400 `Malformed event`.
#[cfg(any(feature = "events", feature = "schemes"))]
impl From<EventError> for Rejection {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}

#[cfg(test)]
mod tests;

mod body_error;

use std::sync::Arc;
use std::time::Duration;

pub use self::body_error::BodyError;

/// What a layer answered in the handler's place, and why.
///
/// It stands in the extensions of the response (in actix-web it is the response's
/// error), so that a layer outside can count it, log it or write another answer. `Display` is for logs and may hold
/// figures of the request; [`Rejection::body_text`] is what the sender reads
/// and never does.
///
/// ```
/// use nevent_webhooks::Rejection;
///
/// let stale = Rejection::TimestampTooOld { age: 301 };
/// assert_eq!(stale.status(), 401);
/// assert_eq!(stale.body_text(), "Timestamp too old");
/// assert_eq!(stale.to_string(), "authentic, but 301 s old: a late retry, or this clock is ahead");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No `X-Nevent-Signature` header.
    #[error("no signature header")]
    MissingSignature,
    /// A signature header that cannot be right, whatever the body.
    #[error("malformed signature header: {reason}")]
    MalformedSignature {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No `v1` is the MAC of this timestamp and body under any secret.
    #[error("no digest matches: forged, the wrong secret, or a body that was changed on its way")]
    InvalidSignature,
    /// Authentic, but signed too long ago.
    #[error("authentic, but {age} s old: a late retry, or this clock is ahead")]
    TimestampTooOld {
        /// Seconds between the signature and the end of the body.
        age: i64,
    },
    /// Authentic, but signed too far in the future.
    #[error(
        "authentic, but {ahead} s in the future: this clock is behind, or `t` is not in seconds"
    )]
    TimestampTooNew {
        /// Seconds by which the signature is ahead of the clock.
        ahead: i64,
    },
    /// The body has, or declares, more bytes than the limit.
    #[error("the body is longer than {limit} bytes")]
    PayloadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A layer above this one cut the body off at a size limit of its own.
    #[error("a layer above cut the body off: longer than that layer allows")]
    OuterBodyLimit {
        /// That layer's error.
        source: BodyError,
    },
    /// The next bytes of this body did not fit into the budget for bodies without a
    /// verdict.
    #[error("no room for this body: all bodies without a verdict may hold {budget} bytes together")]
    BodyBudgetExhausted {
        /// The budget in bytes.
        budget: usize,
    },
    /// The connection failed before the body ended.
    #[error("the body ended early or could not be read")]
    UnreadableBody {
        /// The error of the connection, or of a layer above.
        source: BodyError,
    },
    /// The body stalled, or took too long in all.
    #[error("the body did not arrive within {limit:?}")]
    BodyTimeout {
        /// The limit that passed.
        limit: Duration,
    },
    /// A layer above this one cut the body off at a time limit of its own.
    #[error("a layer above cut the body off: slower than that layer allows")]
    OuterBodyTimeout {
        /// That layer's error.
        source: BodyError,
    },
    /// A `Content-Encoding` that changes the bytes, or that is not known.
    #[error("the body is encoded; its signature covers other bytes than these")]
    UnsupportedContentEncoding,
    /// Authentic, but no `X-Nevent-Delivery` header.
    #[error("authentic, but without a delivery id")]
    MissingDeliveryId,
    /// Authentic, but with an `X-Nevent-Delivery` that is no id.
    #[error("authentic, but the delivery id is malformed: {reason}")]
    MalformedDeliveryId {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A repeat of what a handler completed. Not an error: the sender is told
    /// 200 and stops.
    #[error("already processed")]
    AlreadyProcessed,
    /// A repeat of what a handler is still working on.
    #[error("in progress, its lease runs for another {lease:?}")]
    DeliveryInProgress {
        /// How long the lease of the first still runs, unless it is renewed.
        lease: Duration,
    },
    /// The id of an earlier delivery over another body, both rightly signed.
    #[error("the delivery id was used before, for another body")]
    DeliveryIdConflict,
    /// The handler panicked; the delivery was released for a retry.
    #[error("the handler panicked")]
    HandlerPanicked,
    /// The handler is at work beyond the response deadline, and goes on.
    #[error("no answer by the deadline; the handler goes on")]
    StillProcessing,
    /// The store failed, had no room, or did not answer in time; the handler did
    /// not run.
    #[error("the store could not take the claim: {reason}")]
    StoreUnavailable {
        /// What the store said.
        reason: Arc<str>,
    },
    /// As many handlers at work as are allowed; this one did not run.
    #[error("{limit} handlers are at work already")]
    TooManyInFlight {
        /// How many are allowed.
        limit: usize,
    },
    /// The body is not the JSON of an event, or not of the event type that the
    /// handler asks for.
    #[error("authentic, but {reason}")]
    MalformedEvent {
        /// What is wrong, and where; never the value.
        reason: Arc<str>,
    },
    /// The `X-Nevent-Event` header says another type than the signed body: refused in
    /// strict mode only.
    #[error("authentic, but the event header says {header:?} and the body {body:?}")]
    EventTypeMismatch {
        /// What the header says.
        header: Arc<str>,
        /// What the body says.
        body: Arc<str>,
    },
    /// Not all events of a batch are done; the sender's retry runs the others.
    #[error("{failed} of the {of} events of this batch are not done")]
    BatchIncomplete {
        /// How many are not done.
        failed: usize,
        /// How many there are.
        of: usize,
    },
    /// A request came through two [`VerifyLayer`](crate::VerifyLayer)s: the second
    /// deduplication would take every delivery for a repeat of itself.
    #[error("two VerifyLayers above this handler: remove one, and its DedupeLayer")]
    TwoVerifyLayers,
    /// An extractor was used on a route without [`VerifyLayer`](crate::VerifyLayer).
    #[error("no VerifyLayer, or WebhookMiddleware, above this handler")]
    MissingVerifyLayer,
    /// A batch was asked for on a route without [`DedupeLayer`](crate::DedupeLayer).
    #[error("no DedupeLayer above this handler, and its Batch is deduplicated event by event")]
    MissingDedupeLayer,
}

impl Rejection {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.answer().0
    }

    /// The whole body of the answer, plain text.
    #[must_use]
    pub fn body_text(&self) -> &'static str {
        self.answer().1
    }

    #[rustfmt::skip]
    fn answer(&self) -> (u16, &'static str) {
        match self {
            Self::MissingSignature           => (401, "Missing signature"),
            Self::MalformedSignature { .. }  => (401, "Malformed signature"),
            Self::InvalidSignature           => (401, "Invalid signature"),
            Self::TimestampTooOld { .. }     => (401, "Timestamp too old"),
            Self::TimestampTooNew { .. }     => (401, "Timestamp too new"),
            Self::PayloadTooLarge { .. }
            | Self::OuterBodyLimit { .. }    => (413, "Payload too large"),
            Self::UnreadableBody { .. }      => (400, "Unreadable body"),
            Self::BodyTimeout { .. }
            | Self::OuterBodyTimeout { .. }  => (408, "Body timeout"),
            Self::UnsupportedContentEncoding => (415, "Unsupported content encoding"),
            Self::MissingDeliveryId          => (400, "Missing delivery id"),
            Self::MalformedDeliveryId { .. } => (400, "Malformed delivery id"),
            Self::AlreadyProcessed           => (200, "Already processed"),
            Self::DeliveryInProgress { .. }  => (409, "Delivery in progress"),
            Self::DeliveryIdConflict           => (422, "Delivery id reused"),
            Self::HandlerPanicked            => (500, "Internal server error"),
            Self::StillProcessing            => (503, "Still processing"),
            Self::StoreUnavailable { .. }
            | Self::TooManyInFlight { .. }
            | Self::BodyBudgetExhausted { .. } => (503, "Try again later"),
            Self::MalformedEvent { .. }      => (400, "Malformed event"),
            Self::EventTypeMismatch { .. }   => (400, "Event type mismatch"),
            Self::BatchIncomplete { .. }     => (500, "Batch incomplete"),
            Self::TwoVerifyLayers            => (500, TWO_VERIFY_LAYERS),
            Self::MissingVerifyLayer         => (500, MISSING_VERIFY_LAYER),
            Self::MissingDedupeLayer         => (500, MISSING_DEDUPE_LAYER),
        }
    }

    /// The headers that go with the status: a challenge with 401
    /// (RFC 9110, 11.6.1), what would be accepted with 415 (15.5.16), when to
    /// come again with 409 and 503 (10.2.3; in whole seconds, at least one).
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let header = match (self, self.status()) {
            (Self::DeliveryInProgress { lease }, _) => {
                let seconds = lease.as_millis().div_ceil(1000).max(1);
                Some(("retry-after", seconds.to_string()))
            }
            (_, 401) => Some(("www-authenticate", "Nevent-Signature".to_owned())),
            (_, 415) => Some(("accept-encoding", "identity".to_owned())),
            (_, 503) => Some(("retry-after", "30".to_owned())),
            _ => None,
        };
        header.into_iter()
    }
}

const TWO_VERIFY_LAYERS: &str = "This route has two nevent_webhooks::VerifyLayers. \
    Remove one, and the DedupeLayer beside it";

const MISSING_VERIFY_LAYER: &str = "This route has no nevent_webhooks::VerifyLayer. \
    Add it: post(handler).route_layer((verify, dedupe)); \
    in actix-web, .wrap(WebhookMiddleware::new(&verify, &dedupe))";

const MISSING_DEDUPE_LAYER: &str = "This route has no nevent_webhooks::DedupeLayer, which a \
    Batch needs. Add it: post(handler).route_layer((verify, dedupe))";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_never_too_soon() {
        for (lease, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (29_999, "30")] {
            let lease = Duration::from_millis(lease);
            let headers = Rejection::DeliveryInProgress { lease }.headers();
            assert_eq!(headers.collect::<Vec<_>>(), [("retry-after", seconds.to_owned())]);
        }
    }
}

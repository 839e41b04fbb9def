use super::Rejection;
#[cfg(feature = "schemes")]
use crate::credential::TokenError;
use crate::{DeliveryIdError, VerifyError};

impl Rejection {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status_and_text().0
    }

    /// The whole body of the response, as plain text.
    #[must_use]
    pub fn body_text(&self) -> &'static str {
        self.status_and_text().1
    }

    #[rustfmt::skip]
    fn status_and_text(&self) -> (u16, &'static str) {
        match self {
            Self::Signature(error)           => (401, signature(error)),
            Self::SignatureForbidden(error)  => (403, signature(error)),
            #[cfg(feature = "schemes")]
            Self::Token(error)               => (401, token(error)),
            #[cfg(feature = "schemes")]
            Self::TokenForbidden(error)      => (403, token(error)),
            Self::UnknownTenant              => (401, signature(&VerifyError::InvalidSignature)),
            Self::UnknownTenantForbidden     => (403, signature(&VerifyError::InvalidSignature)),
            Self::PayloadTooLarge { .. }
            | Self::OuterBodyLimit { .. }    => (413, "Payload too large"),
            Self::UnreadableBody { .. }      => (400, "Unreadable body"),
            Self::BodyTimeout { .. }
            | Self::OuterBodyTimeout { .. }  => (408, "Body timeout"),
            Self::UnsupportedContentEncoding => (415, "Unsupported content encoding"),
            Self::DeliveryId(error)          => (400, delivery_id(error)),
            Self::MalformedChallenge         => (400, "Malformed challenge"),
            Self::CreationTime(error)        => (401, error.body_text()),
            Self::CreationTimeForbidden(error) => (403, error.body_text()),
            Self::AlreadyProcessed           => (200, "Already processed"),
            Self::DeliveryInProgress { .. }  => (409, "Delivery in progress"),
            Self::DeliveryIdConflict         => (422, "Delivery id reused"),
            Self::HandlerPanicked            => (500, "Internal server error"),
            Self::StillProcessing            => (503, "Still processing"),
            Self::NotCommitted               => (500, "Not committed"),
            Self::StoreUnavailable { .. }
            | Self::NotCompleted { .. }
            | Self::TooManyInFlight { .. }
            | Self::BodyBudgetExhausted { .. } => (503, "Try again later"),
            #[cfg(feature = "queue")]
            Self::QueueUnavailable { .. }    => (503, "Try again later"),
            #[cfg(feature = "source")]
            Self::SourceForbidden { .. }     => (403, "Forbidden"),
            #[cfg(feature = "source")]
            Self::InClear                    => (403, "HTTPS required"),
            #[cfg(any(feature = "events", feature = "schemes"))]
            Self::Event(_)                   => (400, MALFORMED_EVENT),
            Self::TooManyEvents { .. }       => (400, MALFORMED_EVENT),
            Self::EventTypeMismatch { .. }   => (400, "Event type mismatch"),
            Self::BatchIncomplete { .. }     => (500, "Batch incomplete"),
            Self::TwoVerifyLayers            => (500, TWO_VERIFY_LAYERS),
            Self::MissingVerifyLayer         => (500, MISSING_VERIFY_LAYER),
            Self::MissingDedupeLayer         => (500, MISSING_DEDUPE_LAYER),
            #[cfg(feature = "schemes")]
            Self::NotSigned                  => (500, NOT_SIGNED),
            #[cfg(feature = "schemes")]
            Self::MissingTokenLayer          => (500, MISSING_TOKEN_LAYER),
            #[cfg(feature = "schemes")]
            Self::TwoTokenLayers             => (500, TWO_TOKEN_LAYERS),
            #[cfg(feature = "source")]
            Self::UnknownPeer                => (500, UNKNOWN_PEER),
            #[cfg(feature = "source")]
            Self::LateSourceLayer            => (500, LATE_SOURCE_LAYER),
        }
    }

    /// The headers that go with the status.
    ///
    /// | status | header | source |
    /// | --- | --- | --- |
    /// | 401 | `www-authenticate`: the challenge | RFC 9110, 11.6.1 |
    /// | 415 | `accept-encoding`: the accepted encoding | RFC 9110, 15.5.16 |
    /// | 409, 503 | `retry-after`: whole seconds, at least one | RFC 9110, 10.2.3 |
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let header = match (self, self.status()) {
            (Self::DeliveryInProgress { lease }, _) => {
                let seconds = lease.as_millis().div_ceil(1000).max(1);
                Some(("retry-after", seconds.to_string()))
            }
            #[cfg(feature = "schemes")]
            (Self::Token(error), _) => Some(("www-authenticate", error.challenge().to_owned())),
            (_, 401) => Some(("www-authenticate", "Nevent-Signature".to_owned())),
            (_, 415) => Some(("accept-encoding", "identity".to_owned())),
            (_, 503) => Some(("retry-after", "30".to_owned())),
            _ => None,
        };
        header.into_iter()
    }
}

fn signature(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::MissingSignature | VerifyError::MissingSignedHeader { .. } => {
            "Missing signature"
        }
        VerifyError::MalformedSignature { .. } => "Malformed signature",
        VerifyError::InvalidSignature => "Invalid signature",
        VerifyError::TimestampTooOld { .. } => "Timestamp too old",
        VerifyError::TimestampTooNew { .. } => "Timestamp too new",
    }
}

#[cfg(feature = "schemes")]
fn token(error: &TokenError) -> &'static str {
    match error {
        TokenError::MissingToken { .. } => "Missing token",
        TokenError::MalformedToken { .. } | TokenError::InvalidToken { .. } => "Invalid token",
    }
}

fn delivery_id(error: &DeliveryIdError) -> &'static str {
    match error {
        DeliveryIdError::Missing => "Missing delivery id",
        DeliveryIdError::Malformed { .. } => "Malformed delivery id",
    }
}

const MALFORMED_EVENT: &str = "Malformed event";

const TWO_VERIFY_LAYERS: &str = "This route has two nevent_webhooks::VerifyLayers. \
    Remove one, and the DedupeLayer beside it";

const MISSING_VERIFY_LAYER: &str = "This route has no nevent_webhooks::VerifyLayer. \
    Add it: post(handler).route_layer((verify, dedupe)); \
    in actix-web, .wrap(WebhookMiddleware::new(&verify, &dedupe))";

const MISSING_DEDUPE_LAYER: &str = "This route has no nevent_webhooks::DedupeLayer, which its \
    handler needs. Add it: post(handler).route_layer((verify, dedupe))";

#[cfg(feature = "schemes")]
const NOT_SIGNED: &str = "This route has a nevent_webhooks::token::TokenLayer, so nothing is signed. \
    Take a TokenDelivery in the handler, or verify signatures with a VerifyLayer";

#[cfg(feature = "schemes")]
const MISSING_TOKEN_LAYER: &str = "This route has no nevent_webhooks::token::TokenLayer. \
    Add it: post(handler).route_layer((token, dedupe)); \
    in actix-web, .wrap(WebhookMiddleware::with_token(&token, &dedupe))";

#[cfg(feature = "schemes")]
const TWO_TOKEN_LAYERS: &str = "This route has a nevent_webhooks::token::TokenLayer below another \
    one or a VerifyLayer. Remove one, and the DedupeLayer beside it";

#[cfg(feature = "source")]
const UNKNOWN_PEER: &str = "This route has a nevent_webhooks::source::SourceLayer that does not know \
    the peer's address. Serve with into_make_service_with_connect_info and set \
    SourceLayer::peer_address; see the guide's page on source addresses for other servers";

#[cfg(feature = "source")]
const LATE_SOURCE_LAYER: &str = "This route has a nevent_webhooks::source::SourceLayer below another \
    layer that reads the body. Put it outside: post(handler).route_layer((source, verify, dedupe)); \
    in actix-web, .wrap(WebhookMiddleware::new(&verify, &dedupe)).wrap(source)";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn retry_after_is_never_too_soon() {
        for (lease, seconds) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2"), (29_999, "30")] {
            let lease = Duration::from_millis(lease);
            let headers = Rejection::DeliveryInProgress { lease }.headers();
            assert_eq!(headers.collect::<Vec<_>>(), [("retry-after", seconds.to_owned())]);
        }
    }

    #[test]
    fn an_unknown_tenant_looks_like_a_wrong_signature() {
        let invalid = VerifyError::InvalidSignature;
        for (unknown, wrong) in [
            (Rejection::UnknownTenant, Rejection::Signature(invalid.clone())),
            (Rejection::UnknownTenantForbidden, Rejection::SignatureForbidden(invalid)),
        ] {
            assert_eq!(unknown.status(), wrong.status());
            assert_eq!(unknown.body_text(), wrong.body_text());
            assert!(unknown.headers().eq(wrong.headers()));
        }
    }
}

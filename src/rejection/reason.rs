use super::Rejection;
#[cfg(feature = "schemes")]
use crate::credential::TokenError;
use crate::{DeliveryIdError, VerifyError};

impl Rejection {
    /// The reason as a stable name in `snake_case`, for counters and logs.
    ///
    /// Each variant has its own name, and so has each variant of [`VerifyError`],
    /// `TokenError`, [`DeliveryIdError`] and [`CreationTimeError`](crate::CreationTimeError). Variants that differ
    /// in their status alone share a name. A name never changes within a major version.
    #[must_use]
    #[rustfmt::skip]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Signature(error)
            | Self::SignatureForbidden(error) => signature(error),
            #[cfg(feature = "schemes")]
            Self::Token(error)
            | Self::TokenForbidden(error)    => token(error),
            Self::UnknownTenant
            | Self::UnknownTenantForbidden   => "unknown_tenant",
            Self::PayloadTooLarge { .. }     => "payload_too_large",
            Self::OuterBodyLimit { .. }      => "outer_body_limit",
            Self::BodyBudgetExhausted { .. } => "body_budget_exhausted",
            Self::UnreadableBody { .. }      => "unreadable_body",
            Self::BodyTimeout { .. }         => "body_timeout",
            Self::OuterBodyTimeout { .. }    => "outer_body_timeout",
            Self::UnsupportedContentEncoding => "unsupported_content_encoding",
            Self::DeliveryId(error)          => delivery_id(error),
            Self::MalformedChallenge         => "malformed_challenge",
            Self::CreationTime(error)
            | Self::CreationTimeForbidden(error) => error.as_str(),
            Self::AlreadyProcessed           => "already_processed",
            Self::DeliveryInProgress { .. }  => "delivery_in_progress",
            Self::DeliveryIdConflict         => "delivery_id_conflict",
            Self::HandlerPanicked            => "handler_panicked",
            Self::StillProcessing            => "still_processing",
            Self::StoreUnavailable { .. }    => "store_unavailable",
            Self::NotCompleted { .. }        => "not_completed",
            Self::NotCommitted               => "not_committed",
            #[cfg(feature = "queue")]
            Self::QueueUnavailable { .. }    => "queue_unavailable",
            #[cfg(feature = "source")]
            Self::SourceForbidden { .. }     => "source_forbidden",
            #[cfg(feature = "source")]
            Self::InClear                    => "in_clear",
            Self::TooManyInFlight { .. }     => "too_many_in_flight",
            #[cfg(any(feature = "events", feature = "schemes"))]
            Self::Event(_)                   => "malformed_event",
            Self::TooManyEvents { .. }       => "too_many_events",
            Self::EventTypeMismatch { .. }   => "event_type_mismatch",
            Self::BatchIncomplete { .. }     => "batch_incomplete",
            Self::TwoVerifyLayers            => "two_verify_layers",
            Self::MissingVerifyLayer         => "missing_verify_layer",
            Self::MissingDedupeLayer         => "missing_dedupe_layer",
            #[cfg(feature = "schemes")]
            Self::NotSigned                  => "not_signed",
            #[cfg(feature = "schemes")]
            Self::MissingTokenLayer          => "missing_token_layer",
            #[cfg(feature = "schemes")]
            Self::TwoTokenLayers             => "two_token_layers",
            #[cfg(feature = "source")]
            Self::UnknownPeer                => "unknown_peer",
            #[cfg(feature = "source")]
            Self::LateSourceLayer            => "late_source_layer",
        }
    }
}

fn signature(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::MissingSignature => "missing_signature",
        VerifyError::MissingSignedHeader { .. } => "missing_signed_header",
        VerifyError::MalformedSignature { .. } => "malformed_signature",
        VerifyError::InvalidSignature => "invalid_signature",
        VerifyError::TimestampTooOld { .. } => "timestamp_too_old",
        VerifyError::TimestampTooNew { .. } => "timestamp_too_new",
    }
}

#[cfg(feature = "schemes")]
fn token(error: &TokenError) -> &'static str {
    match error {
        TokenError::MissingToken { .. } => "missing_token",
        TokenError::MalformedToken { .. } => "malformed_token",
        TokenError::InvalidToken { .. } => "invalid_token",
    }
}

fn delivery_id(error: &DeliveryIdError) -> &'static str {
    match error {
        DeliveryIdError::Missing => "missing_delivery_id",
        DeliveryIdError::Malformed { .. } => "malformed_delivery_id",
    }
}

/// The text of [`Rejection::SourceForbidden`].
#[cfg(feature = "source")]
pub(super) fn source_text(address: Option<std::net::IpAddr>) -> String {
    let none = "the trusted proxy names no client: its header is missing or cannot be read, or has \
        trusted proxies alone";
    address.map_or_else(
        || none.to_owned(),
        |address| format!("{address} is not on the list of source addresses"),
    )
}

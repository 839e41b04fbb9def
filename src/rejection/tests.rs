use super::*;

/// None of these may change: counters and logs contain the names, and senders act on the statuses.
#[test]
fn every_rejection_has_its_status_name_and_fault() {
    use Fault::{Configuration, Handler, Network, Overload, Sender, Store};
    let source = || BodyError::new("broken");
    let limit = Duration::from_secs(1);
    let text = || Arc::<str>::from("x");
    let signature = |error: VerifyError| (Rejection::from(error), 401, Some(Sender));
    #[cfg(feature = "schemes")]
    let token = |error: TokenError| Rejection::from(error);
    let created = |error| (Rejection::CreationTime(error), 401, Some(Sender));
    let table = [
        (signature(VerifyError::MissingSignature), "missing_signature"),
        (signature(VerifyError::MalformedSignature { reason: "x" }), "malformed_signature"),
        (signature(VerifyError::InvalidSignature), "invalid_signature"),
        (signature(VerifyError::TimestampTooOld { age: 301 }), "timestamp_too_old"),
        (signature(VerifyError::TimestampTooNew { ahead: 301 }), "timestamp_too_new"),
        (
            (Rejection::SignatureForbidden(VerifyError::InvalidSignature), 403, Some(Sender)),
            "invalid_signature",
        ),
        ((Rejection::UnknownTenant, 401, Some(Sender)), "unknown_tenant"),
        ((Rejection::UnknownTenantForbidden, 403, Some(Sender)), "unknown_tenant"),
        ((Rejection::PayloadTooLarge { limit: 1 }, 413, Some(Sender)), "payload_too_large"),
        ((Rejection::OuterBodyLimit { source: source() }, 413, Some(Sender)), "outer_body_limit"),
        (
            (Rejection::BodyBudgetExhausted { budget: 1 }, 503, Some(Overload)),
            "body_budget_exhausted",
        ),
        ((Rejection::UnreadableBody { source: source() }, 400, Some(Network)), "unreadable_body"),
        ((Rejection::BodyTimeout { limit }, 408, Some(Network)), "body_timeout"),
        (
            (Rejection::OuterBodyTimeout { source: source() }, 408, Some(Network)),
            "outer_body_timeout",
        ),
        (
            (Rejection::UnsupportedContentEncoding, 415, Some(Sender)),
            "unsupported_content_encoding",
        ),
        ((DeliveryIdError::Missing.into(), 400, Some(Sender)), "missing_delivery_id"),
        (
            (DeliveryIdError::Malformed { reason: "x" }.into(), 400, Some(Sender)),
            "malformed_delivery_id",
        ),
        ((Rejection::MalformedChallenge, 400, Some(Sender)), "malformed_challenge"),
        (created(CreationTimeError::Missing), "missing_creation_time"),
        (created(CreationTimeError::TooOld { age: 9 }), "event_too_old"),
        (created(CreationTimeError::TooNew { ahead: 301 }), "event_too_new"),
        (
            (Rejection::CreationTimeForbidden(CreationTimeError::Missing), 403, Some(Sender)),
            "missing_creation_time",
        ),
        ((Rejection::AlreadyProcessed, 200, None), "already_processed"),
        ((Rejection::DeliveryInProgress { lease: limit }, 409, None), "delivery_in_progress"),
        ((Rejection::DeliveryIdConflict, 422, Some(Sender)), "delivery_id_conflict"),
        ((Rejection::HandlerPanicked, 500, Some(Handler)), "handler_panicked"),
        ((Rejection::StillProcessing, 503, Some(Handler)), "still_processing"),
        ((Rejection::StoreUnavailable { reason: text() }, 503, Some(Store)), "store_unavailable"),
        #[cfg(feature = "queue")]
        (
            (Rejection::QueueUnavailable { reason: text() }, 503, Some(Fault::Queue)),
            "queue_unavailable",
        ),
        ((Rejection::TooManyInFlight { limit: 1 }, 503, Some(Overload)), "too_many_in_flight"),
        ((Rejection::TooManyEvents { events: 2, limit: 1 }, 400, Some(Sender)), "too_many_events"),
        (
            (Rejection::EventTypeMismatch { header: text(), body: text() }, 400, Some(Sender)),
            "event_type_mismatch",
        ),
        ((Rejection::BatchIncomplete { failed: 1, of: 2 }, 500, Some(Handler)), "batch_incomplete"),
        ((Rejection::TwoVerifyLayers, 500, Some(Configuration)), "two_verify_layers"),
        ((Rejection::MissingVerifyLayer, 500, Some(Configuration)), "missing_verify_layer"),
        ((Rejection::MissingDedupeLayer, 500, Some(Configuration)), "missing_dedupe_layer"),
        #[cfg(feature = "schemes")]
        ((token(TokenError::MissingToken { challenge: "x" }), 401, Some(Sender)), "missing_token"),
        #[cfg(feature = "schemes")]
        (
            (token(TokenError::MalformedToken { challenge: "x", reason: "x" }), 401, Some(Sender)),
            "malformed_token",
        ),
        #[cfg(feature = "schemes")]
        (
            (
                Rejection::TokenForbidden(TokenError::InvalidToken { challenge: "x" }),
                403,
                Some(Sender),
            ),
            "invalid_token",
        ),
        #[cfg(feature = "schemes")]
        ((Rejection::NotSigned, 500, Some(Configuration)), "not_signed"),
        #[cfg(feature = "schemes")]
        ((Rejection::MissingTokenLayer, 500, Some(Configuration)), "missing_token_layer"),
        #[cfg(feature = "schemes")]
        ((Rejection::TwoTokenLayers, 500, Some(Configuration)), "two_token_layers"),
    ];
    for ((rejection, status, fault), name) in table {
        is(&rejection, status, fault, name);
    }
}

#[cfg(feature = "source")]
#[test]
fn every_rejection_of_a_source_has_its_status_name_and_fault() {
    use Fault::{Configuration, Sender};
    is(&Rejection::SourceForbidden { address: None }, 403, Some(Sender), "source_forbidden");
    is(&Rejection::InClear, 403, Some(Sender), "in_clear");
    is(&Rejection::UnknownPeer, 500, Some(Configuration), "unknown_peer");
    is(&Rejection::LateSourceLayer, 500, Some(Configuration), "late_source_layer");
}

#[track_caller]
fn is(rejection: &Rejection, status: u16, fault: Option<Fault>, name: &str) {
    let found = (rejection.as_str(), rejection.status(), rejection.fault());
    assert_eq!(found, (name, status, fault), "{rejection:?}");
    // Senders disable an endpoint that responds 410.
    assert_ne!(rejection.status(), 410, "{rejection:?}");
}

#[cfg(feature = "events")]
#[test]
fn an_unreadable_event_is_the_senders_fault() {
    let error = crate::Event::<serde_json::Value>::from_json(b"7").expect_err("a number");
    let text = error.to_string();
    let rejection = Rejection::from(error);
    assert_eq!((rejection.as_str(), rejection.status()), ("malformed_event", 400));
    assert_eq!(rejection.fault(), Some(Fault::Sender));
    assert_eq!(rejection.to_string(), format!("authentic, but {text}"));
}

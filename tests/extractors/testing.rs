//! Deliveries for unit tests of handlers: what they have, against what the layers pass on.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use nevent_webhooks::scheme::{Hash, Scheme, Terms};
use nevent_webhooks::testing::{SignedDelivery, token_delivery};
use nevent_webhooks::token::{Token, TokenDelivery, TokenLayer};
use nevent_webhooks::{
    Delivery, DeliveryIdError, Rejection, Secret, Verifier, VerifyError, VerifyLayer,
};

use super::answer;
use super::secrets::{SECRET, secret};

const OTHER: &str = "whsec_0aVnD4bWmTzq7RsuPyXc1LfEh";
const BODY: &str = r#"{"id":"evt_1","event_id":"Ev1"}"#;

/// What a handler can see of a delivery.
fn shown(delivery: &Delivery) -> String {
    let verified = delivery.verified();
    format!(
        "{} {:?} {} {:?} {:?} {:?} {:?} {}",
        delivery.scheme(),
        delivery.identity(),
        delivery.id(),
        delivery.event_header(),
        delivery.version_header(),
        verified.timestamp(),
        verified.signed_id(),
        verified.secret_name(),
    )
}

fn request<T, K>(delivery: &SignedDelivery<T, K>) -> Request<Body> {
    let request = delivery
        .headers()
        .fold(Request::post("/"), |request, (name, value)| request.header(name, value));
    request.body(Body::from(delivery.body().to_vec())).expect("a request")
}

/// Compares the delivery for a unit test with the one that a layer passes on. Returns the latter.
async fn same_as_through_a_layer<T, K>(
    verifier: Verifier<T, K>,
    secret: &Secret<K>,
    delivery: &SignedDelivery<T, K>,
) -> String {
    let handle = async |delivery: Delivery| shown(&delivery);
    let app = Router::new().route("/", post(handle).route_layer(VerifyLayer::new(verifier)));
    let (status, received, _) = answer(app, request(delivery)).await;
    assert_eq!(status, StatusCode::OK, "{received}");
    let made = delivery.verified(secret).expect("genuine");
    assert_eq!(shown(&made), received);
    assert_eq!(made.body(), delivery.body());
    assert!(made.claim().is_none());
    received
}

macro_rules! same {
    ($scheme:expr, $secret:expr) => {{
        let (scheme, secret) = ($scheme, $secret);
        let delivery = SignedDelivery::for_scheme(scheme, &secret, "d-1", BODY)
            .event("order.paid")
            .version("2026-10");
        same_as_through_a_layer(scheme.verifier(secret.clone()), &secret, &delivery).await
    }};
}

#[tokio::test]
async fn a_delivery_of_any_scheme_is_as_its_layer_passes_it_on() {
    let key = || Secret::from_base64("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").expect("a key");
    let text = || secret(SECRET);
    let own = Scheme::hmac(Hash::Sha512, "x-signature").signed_time("x-time", ".").name("acme");
    let own = own.id_header("x-id").event_header("x-event").version_header("x-version").build();
    for (received, start, headers) in [
        (same!(Scheme::nevent(), text()), "nevent UnsignedHeader d-1", (true, false)),
        (same!(Scheme::stripe(), text()), "stripe BodyField evt_1", (false, false)),
        (same!(Scheme::slack(), text()), "slack BodyField Ev1", (false, false)),
        (same!(Scheme::github(), text()), "github UnsignedHeader d-1", (true, false)),
        (same!(Scheme::meta(), text()), "meta BodyHash sha256:", (false, false)),
        (same!(Scheme::shopify(), text()), "shopify UnsignedHeader d-1", (true, true)),
        (same!(Scheme::svix(), key()), "svix SignedHeader d-1", (false, false)),
        (same!(own.expect("a scheme"), text()), "acme UnsignedHeader d-1", (true, true)),
    ] {
        assert!(received.starts_with(start), "{received}");
        let has = |header: &str| received.contains(&format!("Some({header:?})"));
        assert_eq!((has("order.paid"), has("2026-10")), headers, "{received}");
    }
}

#[test]
fn it_is_verified_at_the_time_of_its_signature() {
    let secret = secret(SECRET);
    let late = SignedDelivery::for_scheme(Scheme::slack(), &secret, "", BODY).signed_at(7);
    let verified = late.clone().verified(&secret).expect("genuine");
    assert_eq!((verified.verified().timestamp(), verified.verified().age()), (Some(7), Some(0)));
    let time = late.headers().find(|(name, _)| *name == "x-slack-request-timestamp");
    assert_eq!(time.map(|(_, value)| value).as_deref(), Some("7"));
}

#[test]
fn a_unit_test_has_the_rejection_of_the_layer() {
    let (genuine, other) = (secret(SECRET), secret(OTHER));
    let invalid = VerifyError::InvalidSignature;
    let ping = SignedDelivery::for_scheme(Scheme::github(), &genuine, "d-1", BODY);
    assert_eq!(ping.verified(&other).unwrap_err(), Rejection::Signature(invalid.clone()));

    let fatal = Scheme::github().builder().terms(Terms::new().forbidden_for_unauthorized());
    let fatal = fatal.build().expect("a scheme");
    let ping = SignedDelivery::for_scheme(fatal, &genuine, "d-1", BODY);
    assert_eq!(ping.verified(&other).unwrap_err(), Rejection::SignatureForbidden(invalid));

    let nameless = SignedDelivery::for_scheme(Scheme::github(), &genuine, "", BODY);
    let rejection = nameless.verified(&genuine).unwrap_err();
    assert!(matches!(rejection, Rejection::DeliveryId(DeliveryIdError::Malformed { .. })));
}

#[test]
fn its_debug_output_shows_neither_body_nor_secret() {
    let delivery = SignedDelivery::for_scheme(Scheme::stripe(), &secret(SECRET), "", BODY);
    let shown = format!("{delivery:?}");
    assert!(shown.contains("stripe"), "{shown}");
    assert!(!shown.contains("evt_1") && !shown.contains(SECRET), "{shown}");
}

const TOKEN: &str = "k5EKJQnf9sMX2vYzJdHG3L8pR";

fn shown_with_token(delivery: &TokenDelivery) -> String {
    let (token, headers) = (delivery.token(), [delivery.event_header(), delivery.version_header()]);
    let (sender, name) = (token.sender(), token.name());
    format!("{sender} {name} {:?} {} {headers:?}", delivery.identity(), delivery.id())
}

#[tokio::test]
async fn a_token_delivery_is_as_its_layer_passes_it_on() {
    let token = Token::header("x-token", TOKEN).expect("a token").named("current");
    let previous = Token::header("x-token", OTHER).expect("a token").named("previous");
    let begin = || TokenLayer::builder([token.clone(), previous.clone()]).name("acme");
    let headers = [("X-Id", "d-1"), ("X-Event", "order.paid"), ("X-Version", "2026-10")];
    let with_headers = begin().event_header("x-event").version_header("x-version");
    for (builder, expected) in [
        (begin(), "acme current BodyHash sha256:"),
        (begin().id_in_body("id"), "acme current BodyField evt_1 [None, None]"),
        (begin().id_header("x-id"), "acme current UnsignedHeader d-1 [None, None]"),
        (with_headers.id_header("x-id"), r#"d-1 [Some("order.paid"), Some("2026-10")]"#),
    ] {
        let layer = builder.build().expect("a layer");
        let handle = async |delivery: TokenDelivery| shown_with_token(&delivery);
        let app = Router::new().route("/", post(handle).route_layer(layer.clone()));
        let request = headers
            .iter()
            .fold(Request::post("/"), |request, (name, value)| request.header(*name, *value));
        let request = request.header("x-token", TOKEN).body(Body::from(BODY)).expect("a request");
        let (status, received, _) = answer(app, request).await;
        assert_eq!(status, StatusCode::OK, "{received}");
        assert!(received.contains(expected), "{received}");

        let counted = token.matches();
        let delivery = token_delivery(&layer, &headers, BODY).expect("an id");
        assert_eq!(shown_with_token(&delivery), received);
        assert_eq!(delivery.body(), BODY);
        assert!(delivery.claim().is_none());
        assert_eq!(token.matches(), counted, "no request had the token");
    }
}

#[test]
fn a_token_delivery_needs_the_id_that_the_layer_reads() {
    let token = Token::header("x-token", TOKEN).expect("a token");
    let layer = TokenLayer::builder([token]).id_header("x-id").build().expect("a layer");
    let rejection = |headers: &[_]| token_delivery(&layer, headers, BODY).unwrap_err();
    assert_eq!(rejection(&[]), Rejection::DeliveryId(DeliveryIdError::Missing));
    let twice = rejection(&[("x-id", "d-1"), ("X-ID", "d-1")]);
    assert!(matches!(twice, Rejection::DeliveryId(DeliveryIdError::Malformed { .. })), "{twice:?}");
}

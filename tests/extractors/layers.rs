//! Rejections of the layers themselves, and unusual requests.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{MethodRouter, post};
use nevent_webhooks::event::EventData;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, DedupeOptions, Delivery, Event, Rejection, RejectionResponse, VerifyError,
    VerifyOptions,
};
use tower::ServiceExt;

use super::{BODY, answer, delivery, layers, layers_with};

#[tokio::test]
async fn missing_layer_is_named() {
    async fn handle(_: Delivery) {}
    async fn handle_event(_: Event) {}
    for app in
        [Router::new().route("/", post(handle)), Router::new().route("/", post(handle_event))]
    {
        let (status, text, _) = answer(app, delivery(BODY)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(
            text,
            "This route has no nevent_webhooks::VerifyLayer. \
             Add it: post(handler).route_layer((verify, dedupe)); \
             in actix-web, .wrap(WebhookMiddleware::new(&verify, &dedupe))"
        );
    }
}

/// Other methods keep axum's 405, with its `Allow` header.
#[tokio::test]
async fn other_methods_are_left_alone() {
    async fn handle(_: Delivery) {}
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let get = Request::get("/").body(Body::empty()).expect("a request");
    let (status, text, response) = answer(app, get).await;
    assert_eq!((status, text.as_str()), (StatusCode::METHOD_NOT_ALLOWED, ""));
    assert_eq!(response.headers()["allow"], "POST");
}

#[tokio::test]
async fn rejections_are_in_the_response_extensions() {
    async fn handle(_: Delivery) {}
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let request = Request::post("/").body(Body::empty()).expect("a request");
    let (_, _, response) = answer(app, request).await;
    assert_eq!(
        response.extensions().get(),
        Some(&Rejection::Signature(VerifyError::MissingSignature))
    );
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(response.headers()["www-authenticate"], "Nevent-Signature");
}

/// The handler sees the first id wherever it looks.
#[tokio::test]
async fn replays_run_under_the_first_id() {
    async fn handle(delivery: Delivery, headers: HeaderMap) -> (StatusCode, String) {
        let header = headers["x-nevent-delivery"].to_str().expect("ASCII");
        let text = format!("{} {header}", delivery.id());
        (StatusCode::INTERNAL_SERVER_ERROR, text)
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let first = delivery(BODY);
    let mut replay = delivery(BODY);
    *replay.headers_mut() = first.headers().clone();
    replay.headers_mut().insert("x-nevent-delivery", "other".parse().expect("a value"));
    answer(app.clone(), first).await;
    let (_, text, _) = answer(app, replay).await;
    assert_eq!(text, "d-1 d-1");
}

/// Two deduplications would take every delivery for a repeat of itself.
#[tokio::test]
async fn layers_added_twice_are_rejected() {
    async fn handle(_: Delivery) {}
    let webhook = post(handle).route_layer(layers()).route_layer(layers());
    let app = Router::new().route("/", webhook);
    let (status, text, response) = answer(app, delivery(BODY)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.starts_with("This route has two nevent_webhooks::VerifyLayers."));
    assert_eq!(response.extensions().get(), Some(&Rejection::TwoVerifyLayers));
}

/// Below a `VerifyLayer`, a token would make a signed delivery look unsigned.
#[cfg(feature = "schemes")]
#[tokio::test]
async fn a_token_layer_below_a_verify_layer_is_rejected() {
    use nevent_webhooks::token::{Token, TokenDelivery, TokenLayer};

    async fn handle(_: TokenDelivery) {}
    let token = Token::header("x-token", "k5EKJQnf9sMX2vYzJdHG3L8pR").expect("a token");
    let (verify, _) = layers();
    let webhook = post(handle).route_layer(TokenLayer::new(token)).route_layer(verify);
    let mut request = delivery(BODY);
    let value = "k5EKJQnf9sMX2vYzJdHG3L8pR".parse().expect("a value");
    request.headers_mut().insert("x-token", value);
    let (_, _, response) = answer(Router::new().route("/", webhook), request).await;
    assert_eq!(response.extensions().get(), Some(&Rejection::TwoTokenLayers));
}

#[tokio::test]
async fn an_unusable_event_header_is_absent() {
    async fn handle(delivery: Delivery) -> String {
        format!("{:?}", delivery.event_header())
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let mut request = delivery(BODY);
    request.headers_mut().append("x-nevent-event", "fan.deleted".parse().expect("a value"));
    let (_, text, _) = answer(app, request).await;
    assert_eq!(text, "None");
}

/// Durations without end are taken for what they mean.
#[tokio::test]
async fn the_longest_durations_are_accepted() {
    async fn handle(_: Delivery) {
        tokio::task::yield_now().await;
    }
    let endless = Duration::MAX;
    let options =
        DedupeOptions::new().response_deadline(endless).lease(endless).handler_timeout(endless);
    let dedupe = DedupeLayer::with_options("test", MemoryStore::new(), options.retention(endless));
    let timeouts = VerifyOptions::new().body_timeout(endless).stall_timeout(endless);
    let verify = layers_with(timeouts).0;
    let stack = (verify, dedupe.expect("safe options"));
    let app = Router::new().route("/", post(handle).route_layer(stack));
    for expected in ["", "Already processed"] {
        let (status, text, _) = answer(app.clone(), delivery(BODY)).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, expected));
    }
}

/// axum's own limit, 2 MB, holds for axum's own extractors and for no other.
#[tokio::test]
async fn a_body_limit_beyond_that_of_axum() {
    const THREE_MB: usize = 3_000_000;
    async fn read(delivery: Delivery, body: String) {
        assert_eq!((delivery.body().len(), body.len()), (THREE_MB, THREE_MB));
    }
    async fn ours(delivery: Delivery) {
        assert_eq!(delivery.body().len(), THREE_MB);
    }
    let route = |handler: MethodRouter| {
        let layers = layers_with(VerifyOptions::new().body_limit(4 << 20));
        Router::new().route("/", handler.route_layer(layers))
    };
    for (app, status) in [
        (route(post(read)), StatusCode::PAYLOAD_TOO_LARGE),
        (route(post(read)).layer(DefaultBodyLimit::max(4 << 20)), StatusCode::OK),
        (route(post(ours)), StatusCode::OK),
    ] {
        let (answered, _, response) = answer(app, delivery(vec![b' '; THREE_MB])).await;
        assert_eq!(answered, status);
        assert_eq!(response.extensions().get::<Rejection>(), None, "not the layers' answer");
    }
}

/// The handler decides; and a type of event that differs from the header counts once.
#[tokio::test]
async fn a_result_gives_the_handler_the_reason() {
    async fn handle(
        delivery: Delivery,
        event: Result<Event<EventData>, Rejection>,
        raw: Result<Event, Rejection>,
    ) -> String {
        let rejection = event.expect_err("no fan's id");
        assert!(raw.is_ok() && delivery.body().starts_with(br#"{"id":"evt_1""#));
        format!("parked: {rejection}")
    }
    let (verify, dedupe) = layers();
    let app = Router::new().route("/", post(handle).route_layer((verify.clone(), dedupe)));
    let body = BODY.replace(r#""fan.created""#, r#""fan.updated""#);
    let (status, text, response) = answer(app, delivery(body)).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    assert!(text.ends_with("`data.fan`: missing field `id`"), "{text}");
    assert!(response.extensions().get::<Rejection>().is_none());
    assert_eq!(verify.event_type_mismatches(), 1);
}

/// Middleware outside finds the rejection, whatever the response's body.
#[tokio::test]
async fn an_own_response_keeps_the_rejection() {
    async fn handle(_: Delivery) {}
    let html = |_: &Rejection| RejectionResponse::new("text/html", "<p>no</p>");
    let layers = layers_with(VerifyOptions::new().rejection_response(html));
    let app = Router::new().route("/", post(handle).route_layer(layers));
    let request = Request::post("/").body(Body::empty()).expect("a request");
    let response = app.oneshot(request).await.expect("infallible");
    let missing = Rejection::from(VerifyError::MissingSignature);
    assert_eq!(response.extensions().get(), Some(&missing));
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.headers()["www-authenticate"], "Nevent-Signature");
}

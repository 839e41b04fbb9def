//! What an axum handler can ask for, and what it is told when it cannot have it.

use std::convert::Infallible;
use std::fmt::{Display, Formatter};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::{Router, routing::post};
use hyper::body::Frame;
use nevent_webhooks::event::{Batch, BatchReport, EventData};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    Clock, DedupeLayer, DedupeOptions, Delivery, DeliveryId, Event, EventError, Rejection, Secret,
    Signer, SystemClock, Verifier, VerifyLayer,
};
use serde::Deserialize;
use tower::ServiceExt;

const BODY: &str = r#"{"id":"evt_1","type":"fan.created","created":1640995201,"added_later":[1],
    "data":{"fan":{"email":"maria@example.com"}},"organization_id":"org_1"}"#;

fn secret() -> Secret {
    Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").expect("a secret")
}

fn layers() -> (VerifyLayer, DedupeLayer) {
    let dedupe = DedupeLayer::new("test", MemoryStore::new()).expect("a scope");
    (VerifyLayer::new(Verifier::new(secret())), dedupe)
}

fn delivery(body: impl Into<Bytes>) -> Request<Body> {
    delivery_as("d-1", body)
}

fn delivery_as(id: &str, body: impl Into<Bytes>) -> Request<Body> {
    let body = body.into();
    let header = Signer::new(&secret()).header(SystemClock.unix_seconds(), &body);
    let request = Request::post("/")
        .header("x-nevent-signature", header)
        .header("x-nevent-event", "fan.created")
        .header("x-nevent-delivery", id);
    request.body(Body::from(body)).expect("a request")
}

async fn answer(app: Router, request: Request<Body>) -> (StatusCode, String, Response<()>) {
    let response = app.oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let text = String::from_utf8(body.to_vec()).expect("text");
    (parts.status, text, Response::from_parts(parts, ()))
}

#[tokio::test]
async fn delivery_and_event_in_any_order_with_the_body_still_to_read() {
    async fn handle(event: Event, delivery: Delivery, body: String) -> String {
        assert_eq!(delivery.body(), body.as_bytes());
        assert_eq!(delivery.event_header(), Some("fan.created"));
        assert_eq!(delivery.verified().secret_name(), "primary");
        let shown = format!("{delivery:?}");
        assert!(shown.contains("d-1") && !shown.contains("maria"), "it names people: {shown}");
        format!("{} {} {} {}", delivery.id(), event.id, event.event_type, event.data)
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (status, text, _) = answer(app, delivery(BODY)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(text, r#"d-1 evt_1 fan.created {"fan":{"email":"maria@example.com"}}"#);
}

#[derive(Deserialize)]
struct FanData {
    fan: Fan,
}

#[derive(Deserialize)]
struct Fan {
    email: String,
}

#[tokio::test]
async fn event_with_data_of_ones_own_type() {
    async fn handle(event: Event<FanData>) -> String {
        event.data.fan.email
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (_, text, _) = answer(app.clone(), delivery(BODY)).await;
    assert_eq!(text, "maria@example.com");
    let other = delivery_as("d-2", BODY.replace("email", "phone"));
    let (status, text, _) = answer(app, other).await;
    assert_eq!((status, text.as_str()), (StatusCode::BAD_REQUEST, "Malformed event"));
}

#[tokio::test]
async fn malformed_events_are_refused_and_released() {
    async fn handle(_: Event) {}
    let bodies = [
        Bytes::from("not json"),
        Bytes::from(""),
        Bytes::from(&b"\xff\xfe"[..]),
        Bytes::from("[]"),
        Bytes::from(r#"{"id":"evt_1"}"#),
        Bytes::from(BODY.replace(r#""id":"evt_1""#, r#""id":"evt_1","id":"evt_2""#)),
        Bytes::from(BODY.replace("1640995201", "\"today\"")),
        Bytes::from("[".repeat(1_000_000)),
    ];
    for body in bodies {
        let app = Router::new().route("/", post(handle).route_layer(layers()));
        for _ in 0..2 {
            let (status, text, response) = answer(app.clone(), delivery(body.clone())).await;
            assert_eq!((status, text.as_str()), (StatusCode::BAD_REQUEST, "Malformed event"));
            let rejection = response.extensions().get();
            assert!(matches!(rejection, Some(Rejection::MalformedEvent { .. })), "{rejection:?}");
            let id = response.extensions().get::<DeliveryId>();
            assert_eq!(id.map(DeliveryId::as_str), Some("d-1"));
        }
    }
}

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
async fn rejections_stand_in_the_response_for_outer_layers() {
    async fn handle(_: Delivery) {}
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let request = Request::post("/").body(Body::empty()).expect("a request");
    let (_, _, response) = answer(app, request).await;
    assert_eq!(response.extensions().get(), Some(&Rejection::MissingSignature));
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

/// A length that only the header knows, and a body that would never end.
#[tokio::test]
async fn content_length_counts_whatever_the_body_says() {
    async fn handle(_: Delivery) {}
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let mut request = delivery(BODY)
        .map(|_| Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>()));
    request.headers_mut().insert("content-length", "1048577".parse().expect("a value"));
    let (status, text, _) = answer(app, request).await;
    assert_eq!((status, text.as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "Payload too large"));
}

/// Two deduplications would take every delivery for a repeat of itself.
#[tokio::test]
async fn the_layers_twice_are_refused() {
    async fn handle(_: Delivery) {}
    let webhook = post(handle).route_layer(layers()).route_layer(layers());
    let app = Router::new().route("/", webhook);
    let (status, text, response) = answer(app, delivery(BODY)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.starts_with("This route has two nevent_webhooks::VerifyLayers."));
    assert_eq!(response.extensions().get(), Some(&Rejection::TwoVerifyLayers));
}

#[tokio::test]
async fn an_event_header_that_is_not_one_plain_line_is_not_shown() {
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
async fn endless_durations_do_no_harm() {
    async fn handle(_: Delivery) {
        tokio::task::yield_now().await;
    }
    let endless = Duration::MAX;
    let options = DedupeOptions::new().answer_deadline(endless).lease(endless).max_run(endless);
    let dedupe = DedupeLayer::with_options("test", MemoryStore::new(), options.retention(endless));
    let verify = layers().0.body_timeout(endless).stall_timeout(endless);
    let stack = (verify, dedupe.expect("safe options"));
    let app = Router::new().route("/", post(handle).route_layer(stack));
    for expected in ["", "Already processed"] {
        let (status, text, _) = answer(app.clone(), delivery(BODY)).await;
        assert_eq!((status, text.as_str()), (StatusCode::OK, expected));
    }
}

/// Always ready, with nothing: no byte comes, so it has stalled.
struct EmptyFrames;

impl HttpBody for EmptyFrames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
    }
}

/// And the reason names the limit that passed.
#[tokio::test]
async fn a_body_of_empty_frames_has_stalled() {
    async fn handle(_: Delivery) {}
    let limit = Duration::from_millis(50);
    let (verify, dedupe) = layers();
    for verify in [verify.clone().stall_timeout(limit), verify.body_timeout(limit)] {
        let webhook = post(handle).route_layer((verify, dedupe.clone()));
        let app = Router::new().route("/", webhook);
        let empty = delivery(BODY).map(|_| Body::new(EmptyFrames));
        let (status, text, response) = answer(app, empty).await;
        assert_eq!((status, text.as_str()), (StatusCode::REQUEST_TIMEOUT, "Body timeout"));
        assert_eq!(response.extensions().get(), Some(&Rejection::BodyTimeout { limit }));
    }
}

const BATCH: &str = r#"[{"id":"evt_1","type":"fan.created","created":1,"organization_id":"org_1",
    "data":{"fan":{"id":"fan_1"}}},{"id":"evt_2","type":"fan.created","created":1,
    "organization_id":"org_1","data":{"fan":{"id":"fan_0"}}}]"#;

async fn on_event(event: Event<EventData>) -> Result<(), &'static str> {
    match event.data {
        EventData::FanCreated(fan) if fan.id == "fan_0" => Err("refused"),
        _ => Ok(()),
    }
}

#[tokio::test]
async fn a_batch_and_its_report() {
    async fn handle(batch: Batch) -> BatchReport {
        assert_eq!((batch.len(), batch.is_empty()), (2, false));
        assert!(!format!("{batch:?}").contains("fan_"), "it names people");
        let ids: Vec<_> =
            batch.events().map(|event: Result<Event, _>| event.expect("one").id).collect();
        assert_eq!(ids, ["evt_1", "evt_2"]);
        batch.process(2, on_event).await
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (status, text, response) = answer(app.clone(), delivery(BATCH)).await;
    assert_eq!((status, &*text), (StatusCode::INTERNAL_SERVER_ERROR, "Batch incomplete"));
    let rejection = response.extensions().get();
    assert_eq!(rejection, Some(&Rejection::BatchIncomplete { failed: 1, of: 2 }));
    let mended = delivery_as("d-2", BATCH.replace("fan_0", "fan_2"));
    let (status, text, _) = answer(app, mended).await;
    assert_eq!((status, &*text), (StatusCode::OK, ""));
}

/// As `anyhow` prints an error and its causes.
struct WithCauses;

impl Display for WithCauses {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(if f.alternate() { "not stored: disk full" } else { "not stored" })
    }
}

#[tokio::test]
async fn a_report_names_the_causes_of_an_error() {
    async fn handle(batch: Batch) -> String {
        let report = batch.process(1, |_: Event| async { Err(WithCauses) }).await;
        report.failures[0].reason.clone()
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (_, text, _) = answer(app, delivery(BODY)).await;
    assert_eq!(text, "not stored: disk full");
}

/// Without claims, a batch that failed would run from its start.
#[tokio::test]
async fn a_batch_without_deduplication_is_refused() {
    async fn handle(batch: Batch) -> BatchReport {
        batch.process(2, on_event).await
    }
    let app = Router::new().route("/", post(handle).route_layer(layers().0));
    let (status, text, _) = answer(app, delivery(BATCH)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.starts_with("This route has no nevent_webhooks::DedupeLayer"), "{text}");
}

/// What a handler reads itself is answered as the extractor would.
#[tokio::test]
async fn data_that_cannot_be_read_is_a_bad_request() {
    async fn handle(event: Event) -> Result<(), EventError> {
        event.typed().map(|_| ())
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (status, text, response) = answer(app, delivery(BODY)).await;
    assert_eq!((status, &*text), (StatusCode::BAD_REQUEST, "Malformed event"));
    let reason = response.extensions().get::<Rejection>().expect("a reason").to_string();
    assert!(reason.contains("`data.fan`: missing field `id`"), "{reason}");
}

/// A delivery that outlives its handler, in a queue say, holds no place among those at work.
#[tokio::test]
async fn a_delivery_that_is_kept_holds_no_place() {
    async fn handle(State(kept): State<Kept>, delivery: Delivery) {
        kept.lock().expect("no panic while locked").push(delivery);
    }
    let options = DedupeOptions::new().max_in_flight(1);
    let dedupe = DedupeLayer::with_options("test", MemoryStore::new(), options);
    let stack = (layers().0, dedupe.expect("safe options"));
    let kept = Kept::default();
    let webhook = post(handle).route_layer(stack);
    let app = Router::new().route("/", webhook).with_state(Arc::clone(&kept));
    for id in ["d-1", "d-2", "d-3"] {
        let body = BODY.replace("evt_1", id);
        assert_eq!(answer(app.clone(), delivery_as(id, body)).await.0, StatusCode::OK);
    }
    // What is processed afterwards takes a place of its own.
    let late = kept.lock().expect("no panic while locked").remove(0);
    let report = late
        .batch()
        .expect("one event")
        .process(1, |_: Event| async { Ok::<(), String>(()) })
        .await;
    assert_eq!((report.completed, report.failures.len()), (1, 0));
}

type Kept = Arc<Mutex<Vec<Delivery>>>;

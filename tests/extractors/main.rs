//! The extractors for axum handlers, and their rejections.

mod bodies;
mod layers;
#[path = "../support/secrets.rs"]
mod secrets;
#[cfg(feature = "schemes")]
mod testing;

use std::fmt::{Display, Formatter};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    Batch, BatchReport, DedupeLayer, DedupeOptions, Delivery, DeliveryId, Event, EventData,
    EventError, Rejection, Verifier, VerifyLayer, VerifyOptions,
};
use secrets::{SECRET, secret, signature};
use serde::Deserialize;
use tower::ServiceExt;

const BODY: &str = r#"{"id":"evt_1","type":"fan.created","created":1640995201,"added_later":[1],
    "data":{"fan":{"email":"maria@example.com"}},"organization_id":"org_1"}"#;

fn layers() -> (VerifyLayer, DedupeLayer) {
    layers_with(VerifyOptions::new())
}

fn layers_with(options: VerifyOptions) -> (VerifyLayer, DedupeLayer) {
    let dedupe = DedupeLayer::new("test", MemoryStore::new()).expect("a scope");
    (VerifyLayer::with_options(Verifier::new(secret(SECRET)), options), dedupe)
}

fn delivery(body: impl Into<Bytes>) -> Request<Body> {
    delivery_as("d-1", body)
}

fn delivery_as(id: &str, body: impl Into<Bytes>) -> Request<Body> {
    let body = body.into();
    let request = Request::post("/")
        .header("x-nevent-signature", signature(&body))
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
async fn event_with_data_of_a_custom_type() {
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
            assert!(matches!(rejection, Some(Rejection::Event(_))), "{rejection:?}");
            let id = response.extensions().get::<DeliveryId>();
            assert_eq!(id.map(DeliveryId::as_str), Some("d-1"));
        }
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
        let shown = format!("{batch:?}");
        assert!(shown.contains("events: 2") && !shown.contains("fan_"), "it names people: {shown}");
        let ids: Vec<_> =
            batch.events().map(|event: Result<Event, _>| event.expect("one").id).collect();
        assert_eq!(ids, ["evt_1", "evt_2"]);
        batch.process(2, on_event).await
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (status, text, response) = answer(app.clone(), delivery(BATCH)).await;
    assert_eq!((status, &*text), (StatusCode::INTERNAL_SERVER_ERROR, "Batch incomplete"));
    let rejection = response.extensions().get();
    assert!(matches!(rejection, Some(Rejection::BatchIncomplete { failed: 1, of: 2, .. })));
    let mended = delivery_as("d-2", BATCH.replace("fan_0", "fan_2"));
    let (status, text, _) = answer(app, mended).await;
    assert_eq!((status, &*text), (StatusCode::OK, ""));
}

/// An error that prints its causes like `anyhow`'s.
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

#[tokio::test]
async fn an_empty_batch() {
    async fn handle(batch: Batch) -> String {
        format!("{} {}", batch.len(), batch.is_empty())
    }
    let app = Router::new().route("/", post(handle).route_layer(layers()));
    let (_, text, _) = answer(app, delivery("[]")).await;
    assert_eq!(text, "0 true");
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

/// An event that a handler reads itself is rejected like an extractor's.
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

/// A delivery that outlives its handler, for example in a queue, holds no permit.
#[tokio::test]
async fn a_kept_batch_holds_no_permit() {
    async fn handle(State(kept): State<Kept>, batch: Batch) {
        kept.lock().expect("no panic while locked").push(batch);
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
    // A batch processed after its handler takes a permit of its own.
    let late = kept.lock().expect("no panic while locked").remove(0);
    let report = late.process(1, |_: Event| async { Ok::<(), String>(()) }).await;
    assert_eq!((report.completed, report.failures.len()), (1, 0));
}

type Kept = Arc<Mutex<Vec<Batch>>>;

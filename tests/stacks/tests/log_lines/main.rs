//! The log lines of the feature `tracing`, as a subscriber of `tracing-subscriber` sees them.
//!
//! In a process of its own, with one subscriber for all threads: whatever `tracing` caches of an
//! event on a thread without a subscriber holds for every thread.

mod actix;
mod handshake;
mod log;
mod odd;
mod spans;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Request, Response};
use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, MemoryStore, Renewal, StoreError};
use nevent_webhooks::{Batch, DedupeLayer, DedupeOptions, Event, Store, VerifiedBody};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::Instrument;

#[path = "../../src/receiver.rs"]
#[allow(dead_code, clippy::unused_async, reason = "the stacks use the rest")]
mod receiver;

use log::{lines, lines_with_spans, subscribe, warnings};
use receiver::{BODY, genuine, genuine_with, handle, layers};

/// At `debug`, for anyone can have it written.
#[tokio::test]
async fn a_forgery_is_written_with_its_reason() {
    subscribe();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    stack.clone().oneshot(genuine(Body::from("{}"))).await.unwrap();
    let line = "DEBUG nevent_webhooks: rejected outcome=\"rejected\" status=401 reason=no digest \
        matches: the request is forged, the secret is wrong, or the body was changed in transit";
    let summary = "INFO nevent_webhooks: requests without proof were rejected: if genuine deliveries are \
        missing, compare the secret with the sender's rejected=1 reasons=\"invalid_signature=1\"";
    assert_eq!(lines(), [summary, line]);
    // Anyone could fill the log with it: the next one counts on, for a minute.
    stack.oneshot(genuine(Body::from("{}"))).await.unwrap();
    assert_eq!(lines()[2..], [line]);
}

#[tokio::test]
async fn a_conflict_is_a_warning_that_names_the_delivery() {
    subscribe();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    stack.clone().oneshot(genuine(Body::from(BODY))).await.unwrap();
    let other =
        r#"{"id":"evt_2","type":"fan.created","created":1,"data":{},"organization_id":"o"}"#;
    stack.oneshot(genuine_with(other, Body::from(other))).await.unwrap();
    let conflict = "WARN nevent_webhooks: a conflict: the delivery id was used before, with a \
        different body outcome=\"conflict\" scope=\"stacks\" delivery=\"dlv_1\"";
    assert_eq!(warnings(), [conflict]);
    assert!(lines()[0].ends_with("delivery=\"dlv_1\" age=0 secret=\"primary\" body_bytes=83"));
    let rejected = "DEBUG nevent_webhooks: rejected outcome=\"rejected\" scope=\"stacks\" \
        delivery=\"dlv_1\" status=422 reason=the delivery id was used before, with a different \
        body";
    assert_eq!(lines().last().unwrap(), rejected);
}

/// Once, and not three times for each delivery; then the recovery.
#[tokio::test]
async fn a_store_that_is_down_is_one_error() {
    subscribe();
    let (verify, store) = (layers().0, Flaky::default());
    let dedupe = DedupeLayer::new("stacks", store.clone()).unwrap();
    let stack = ServiceBuilder::new().layer((verify, dedupe)).service_fn(handle);
    store.0.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        stack.clone().oneshot(genuine(Body::from(BODY))).await.unwrap();
        tokio::task::yield_now().await; // For the claim to be given back.
    }
    let down = "ERROR nevent_webhooks: the store failed: deliveries are answered 503 and wait for their retries \
        outcome=\"store_failed\" scope=\"stacks\" \
        delivery=\"dlv_1\" operation=\"claim\" reason=\"the store is unavailable: as told\" unlogged=0";
    assert_eq!(warnings(), [down]);
    store.0.store(false, Ordering::Relaxed);
    stack.oneshot(genuine(Body::from(BODY))).await.unwrap();
    let [_, again] = &warnings()[..] else { panic!("{:?}", warnings()) };
    assert!(again.starts_with("INFO nevent_webhooks: the store answers again"), "{again}");
}

/// A handler that fails leaves a trace, and in the background it does not look as one that
/// succeeds does.
#[tokio::test]
async fn a_handler_that_fails_is_a_warning() {
    subscribe();
    let fails = |_: Request<VerifiedBody>| async {
        let response = Response::builder().status(502).body(Body::empty());
        Ok::<_, std::convert::Infallible>(response.unwrap())
    };
    let stack = ServiceBuilder::new().layer(layers()).service(service_fn(fails));
    stack.oneshot(genuine(Body::from(BODY))).await.unwrap();
    let line = "WARN nevent_webhooks: the handler failed outcome=\"handler_failed\" scope=\"stacks\" \
        delivery=\"dlv_1\" status=502 in_background=false";
    assert_eq!(warnings(), [line]);
}

/// Its sender was answered 503, and sends the delivery again.
#[tokio::test(start_paused = true)]
async fn a_handler_that_is_late_is_a_warning() {
    subscribe();
    let late = |_: Request<VerifiedBody>| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    };
    let stack = ServiceBuilder::new().layer(layers()).service(service_fn(late));
    stack.oneshot(genuine(Body::from(BODY))).await.unwrap();
    let start = "WARN nevent_webhooks: rejected outcome=\"rejected\" scope=\"stacks\" \
        delivery=\"dlv_1\" status=503 reason=";
    let [line] = &warnings()[..] else { panic!("{:?}", warnings()) };
    assert!(line.starts_with(start), "{line}");
}

/// Also if both layers were made with the same options.
#[tokio::test]
async fn each_store_that_is_down_is_an_error() {
    subscribe();
    let options = DedupeOptions::new();
    for scope in ["one", "other"] {
        let store = Flaky::default();
        store.0.store(true, Ordering::Relaxed);
        let dedupe = DedupeLayer::with_options(scope, store, options.clone()).unwrap();
        let stack = ServiceBuilder::new().layer((layers().0, dedupe)).service_fn(handle);
        stack.oneshot(genuine(Body::from(BODY))).await.unwrap();
    }
    let scopes = warnings().into_iter().map(|line| line.contains("scope=\"one\""));
    assert_eq!(scopes.collect::<Vec<_>>(), [true, false]);
}

/// A memory store that fails when told to.
#[derive(Clone)]
struct Flaky(Arc<AtomicBool>, Arc<MemoryStore>);

impl Default for Flaky {
    fn default() -> Self {
        Self(Arc::default(), Arc::new(MemoryStore::with_capacity(100).unwrap()))
    }
}

impl Flaky {
    fn answer(&self) -> Result<(), StoreError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("as told"));
        }
        Ok(())
    }
}

impl Store for Flaky {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        self.answer()?;
        self.1.claim(claim).await
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        self.answer()?;
        self.1.renew(claim).await
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        self.answer()?;
        self.1.complete(claim).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.answer()?;
        self.1.release(claim).await
    }
}

#[tokio::test]
async fn an_event_header_that_differs_is_a_warning() {
    subscribe();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(async |request| {
        let request: Request<VerifiedBody> = request;
        let _: Event = Event::from_extensions(request.extensions()).unwrap();
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    });
    let mut request = genuine(Body::from(BODY));
    request.headers_mut().insert("x-nevent-event", "fan.deleted".parse().unwrap());
    stack.oneshot(request).await.unwrap();
    let line = "WARN nevent_webhooks: the event header is not the event's type \
        outcome=\"event_type_mismatch\" delivery=\"dlv_1\" event_type=\"fan.deleted\" \
        header=\"fan.deleted\" body=\"fan.created\"";
    assert_eq!(warnings(), [line]);
}

/// A rejection of an extractor, below the layers.
#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_warning_that_names_it() {
    subscribe();
    let app = Router::new().route("/", post(async |_: Event| {}).route_layer(layers()));
    app.oneshot(genuine_with("{}", Body::from("{}"))).await.unwrap();
    assert_eq!(warnings(), [NO_EVENT]);
}

const NO_EVENT: &str = "WARN nevent_webhooks: rejected outcome=\"rejected\" scope=\"stacks\" delivery=\"dlv_1\" \
    status=400 reason=authentic, but not the JSON of such an event: missing field `id`";

const NO_FAN: &str = "WARN nevent_webhooks: rejected outcome=\"rejected\" scope=\"stacks\" delivery=\"dlv_1\" \
    status=400 reason=authentic, but not the JSON of such an event: `data`: missing field `fan`";

const NOT_DONE: &str = "WARN nevent_webhooks: rejected outcome=\"rejected\" scope=\"stacks\" delivery=\"dlv_1\" \
    status=500 reason=1 of the 1 events of this batch are not done";

#[tokio::test]
async fn an_event_of_a_batch_that_fails_is_a_warning_that_names_it() {
    subscribe();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(async |request| {
        let request: Request<VerifiedBody> = request;
        let batch = Batch::from_extensions(request.extensions()).unwrap();
        let failing = |_: Event| async { Err::<(), _>("no seat left") };
        let report = batch.process(1, failing).await;
        assert_eq!(report.failures.len(), 2);
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    });
    let body = format!("[{BODY},7]");
    let request = genuine_with(&body, Body::from(body.clone()));
    stack.oneshot(request).await.unwrap();
    let [failed, unreadable] = &warnings()[..] else { panic!("{:?}", warnings()) };
    assert_eq!(*failed, EVENT_FAILED);
    let start = "WARN nevent_webhooks: an event of a batch cannot be read \
        outcome=\"event_unreadable\" scope=\"stacks\" delivery=\"dlv_1\" position=1 reason=\"not the JSON";
    assert!(unreadable.starts_with(start), "{unreadable}");
}

const EVENT_FAILED: &str = "WARN nevent_webhooks: the handler failed outcome=\"handler_failed\" \
    scope=\"stacks\" delivery=\"dlv_1\" event=\"evt_1\" event_type=\"fan.created\" error=\"no seat left\" \
    in_background=false";

#[tokio::test]
async fn a_handler_without_its_client_stays_in_its_span() {
    subscribe();
    let (verify, dedupe) = layers();
    let slow = |_: Request<VerifiedBody>| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        tracing::info!("done");
        Ok::<_, std::convert::Infallible>(Response::new(Body::empty()))
    };
    let stack = ServiceBuilder::new().layer((verify, dedupe.clone())).service(service_fn(slow));
    let delivery = stack.oneshot(genuine(Body::from(BODY)));
    let delivery = delivery.instrument(tracing::info_span!("request", n = 7));
    assert!(tokio::time::timeout(Duration::from_millis(5), delivery).await.is_err());
    dedupe.wait_idle().await;
    let lines = lines_with_spans();
    assert!(lines.last().unwrap().contains("request{n=7}:webhook{"), "{lines:?}");
}

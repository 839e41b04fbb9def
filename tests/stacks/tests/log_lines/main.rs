//! What the feature `tracing` writes, as a subscriber of `tracing-subscriber` sees it.
//!
//! In a process of its own, with one subscriber for all threads: what `tracing`
//! caches of an event on a thread without one holds for every thread.

mod actix;
mod log;
mod odd;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Request, Response};
use nevent_webhooks::event::Batch;
use nevent_webhooks::{Event, VerifiedBody};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tracing::Instrument;

#[path = "../../src/receiver.rs"]
#[allow(dead_code, clippy::unused_async, reason = "the stacks use the rest")]
mod receiver;

use log::{lines, subscribe};
use receiver::{BODY, genuine, genuine_with, handle, layers};

/// At `debug`, for anyone can have it written.
#[tokio::test]
async fn a_forgery_is_written_with_its_reason() {
    subscribe();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    stack.oneshot(genuine(Body::from("{}"))).await.unwrap();
    let line = "DEBUG nevent_webhooks: rejected status=401 reason=no digest matches: \
        forged, the wrong secret, or a body that was changed on its way";
    assert_eq!(lines(), [line]);
}

#[tokio::test]
async fn a_reused_id_is_an_error_that_names_the_delivery() {
    subscribe();
    let stack = ServiceBuilder::new().layer(layers()).service_fn(handle);
    stack.clone().oneshot(genuine(Body::from(BODY))).await.unwrap();
    let other =
        r#"{"id":"evt_2","type":"fan.created","created":1,"data":{},"organization_id":"o"}"#;
    stack.oneshot(genuine_with(other, Body::from(other))).await.unwrap();
    let verified = "DEBUG nevent_webhooks: verified delivery=\"dlv_1\" age=0 secret=\"primary\"";
    let incident = "ERROR nevent_webhooks: deduplication incident=IdReused delivery=\"dlv_1\"";
    let rejected = "WARN nevent_webhooks: rejected status=422 delivery=\"dlv_1\" \
        reason=the delivery id was used before, for another body";
    assert_eq!(lines(), [verified, verified, incident, rejected]);
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
        delivery=\"dlv_1\" header=\"fan.deleted\" body=\"fan.created\"";
    assert_eq!(lines()[1..], [line]);
}

/// What an extractor refuses, below the layers.
#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_warning_that_names_it() {
    subscribe();
    let app = Router::new().route("/", post(async |_: Event| {}).route_layer(layers()));
    app.oneshot(genuine_with("{}", Body::from("{}"))).await.unwrap();
    assert_eq!(lines()[1..], [NO_EVENT]);
}

const NO_EVENT: &str = "WARN nevent_webhooks: rejected status=400 delivery=\"dlv_1\" \
    reason=authentic, but not the JSON of such an event: missing field `id`";

const NO_FAN: &str = "WARN nevent_webhooks: rejected status=400 delivery=\"dlv_1\" \
    reason=authentic, but not the JSON of such an event: `data`: missing field `fan`";

const NOT_DONE: &str = "WARN nevent_webhooks: rejected status=500 delivery=\"dlv_1\" \
    reason=1 of the 1 events of this batch are not done";

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
    let lines = lines();
    let start = "WARN nevent_webhooks: an event of a batch failed delivery=\"dlv_1\" position=";
    assert_eq!(lines[1], format!("{start}0 event=\"evt_1\" reason=\"no seat left\""));
    assert!(lines[2].starts_with(&format!("{start}1 reason=\"not the JSON")), "{lines:?}");
}

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
    assert!(lines().last().unwrap().contains("request{n=7}"), "{:?}", lines());
}

//! Lines about events that are odd: on axum as on actix-web, and one short line each.

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodRouter, post};
use nevent_webhooks::{Batch, Event, EventData, Rejection};
use tower::ServiceExt;

use super::log::{subscribe, warnings};
use super::receiver::{BODY, genuine_with, layers};
use super::{EVENT_FAILED, NO_FAN, NOT_DONE};

/// Sent to a route behind the layers.
async fn send(body: &str, route: MethodRouter) {
    subscribe();
    let app = Router::new().route("/", route.route_layer(layers()));
    app.oneshot(genuine_with(body, Body::from(body.to_owned()))).await.unwrap();
}

/// An error of an event that the handler reads itself is logged like that of an extractor.
#[tokio::test]
async fn data_that_a_handler_cannot_read_is_a_warning_that_names_it() {
    send(BODY, post(async |event: Event| event.typed().map(|_| ()))).await;
    assert_eq!(warnings(), [NO_FAN]);
}

#[tokio::test]
async fn also_in_a_handler_that_returns_a_rejection() {
    async fn typed(event: Event) -> Result<(), Rejection> {
        event.typed()?;
        Ok(())
    }
    send(BODY, post(typed)).await;
    assert_eq!(warnings(), [NO_FAN]);
}

/// Without deduplication, the verification layer logs it.
#[tokio::test]
async fn also_below_the_verification_alone() {
    subscribe();
    let handler = post(async |event: Event| event.typed().map(|_| ()));
    let app = Router::new().route("/", handler.route_layer(layers().0));
    app.oneshot(genuine_with(BODY, Body::from(BODY))).await.unwrap();
    assert_eq!(warnings(), [NO_FAN.replace(" scope=\"stacks\"", "")]);
}

#[tokio::test]
async fn an_incomplete_batch_is_a_warning() {
    async fn fails(_: Event) -> Result<(), &'static str> {
        Err("no seat left")
    }
    send(BODY, post(async |batch: Batch| batch.process(1, fails).await)).await;
    assert_eq!(warnings(), [EVENT_FAILED, NOT_DONE]);
}

/// The handler has decided otherwise.
#[tokio::test]
async fn a_rejection_that_a_handler_takes_is_not_logged() {
    async fn takes(event: Result<Event<EventData>, Rejection>) {
        event.expect_err("no event");
    }
    send(BODY, post(takes)).await;
    assert_eq!(warnings(), [""; 0]);
}

/// Once per field; this one is in no other test of this process.
#[tokio::test]
async fn a_field_that_is_left_out_is_a_warning_once() {
    let body = BODY.replace("{}", r#"{"fan":{"id":"f","source":7}}"#);
    let read_twice = async |_: Event<EventData>, _: Event<EventData>| {};
    send(&body, post(read_twice)).await;
    let line = "WARN nevent_webhooks: an optional field is not as documented, and was left out \
        field=\"fan.source\"";
    assert_eq!(warnings(), [line]);
}

/// Neither names, nor lines that the sender would like to see in a log.
#[tokio::test]
async fn the_senders_text_makes_no_line_of_its_own() {
    let long = format!(r"maria\n\u2028ERROR forged {}", "x".repeat(100_000));
    let body = BODY.replace("{}", &format!(r#"{{"fan":{{"id":"f","{long}":1,"{long}":2}}}}"#));
    send(&body, post(async |_: Event<EventData>| {})).await;
    is_short(&warnings());

    let body = BODY.replace("fan.created", &long);
    let mut request = genuine_with(&body, Body::from(body.clone()));
    request.headers_mut().insert("x-nevent-event", "fan.created".parse().unwrap());
    let app = Router::new().route("/", post(async |_: Event| {}).route_layer(layers()));
    app.oneshot(request).await.unwrap();
    is_short(&warnings());
}

#[tokio::test]
async fn so_it_is_in_a_batch() {
    let long = format!(r"maria\nERROR forged {}", "x".repeat(100_000));
    let body = BODY.replace("evt_1", &long);
    let quotes = async |event: Event| Err::<(), _>(format!("no seat for\n{}", event.id));
    send(&body, post(async move |batch: Batch| batch.process(1, quotes).await)).await;
    is_short(&warnings());
    assert_eq!(warnings().len(), 2);
}

fn is_short(lines: &[String]) {
    assert!(!lines.is_empty());
    for line in lines {
        assert!(line.starts_with("WARN nevent_webhooks: "), "{line}");
        assert!(line.len() < 650, "{} bytes", line.len());
    }
}

//! The same lines where actix-web receives.

use actix_web::test::{TestRequest, init_service, try_call_service};
use actix_web::{App, HttpResponse, Route, web};
use nevent_webhooks::{
    Batch, Delivery, Event, EventData, EventError, Rejection, WebhookMiddleware,
};

use super::log::{lines, subscribe, warnings};
use super::receiver::{BODY, genuine_with, layers};
use super::{EVENT_FAILED, NO_EVENT, NO_FAN, NOT_DONE};

/// A request with this body, signed now.
fn genuine(body: &'static str) -> TestRequest {
    let headers = genuine_with(body, ()).into_parts().0.headers;
    headers.iter().fold(TestRequest::post().set_payload(body), |request, (name, value)| {
        request.insert_header((name.as_str(), value.as_bytes()))
    })
}

/// Sent to a route behind the middleware.
async fn send(request: TestRequest, route: Route) {
    subscribe();
    let (verify, dedupe) = layers();
    let route = route.wrap(WebhookMiddleware::new(&verify, &dedupe));
    let app = init_service(App::new().route("/", route)).await;
    // An answer or, of a handler that has panicked, an error that becomes one.
    let _ = try_call_service(&app, request.to_request()).await;
}

const MISSING: &str = "DEBUG nevent_webhooks: rejected outcome=\"rejected\" status=401 \
    reason=no signature header";

#[tokio::test]
async fn a_forgery_is_written_with_its_reason() {
    send(TestRequest::post(), web::post().to(HttpResponse::Ok)).await;
    assert_eq!(lines()[1..], [MISSING]);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_warning_that_names_it() {
    send(genuine("{}"), web::post().to(async |_: Event| "handled")).await;
    assert_eq!(warnings(), [NO_EVENT]);
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_is_a_warning_that_names_it() {
    send(genuine("{}"), web::post().to(async |_: Batch| "handled")).await;
    assert_eq!(warnings(), [NO_EVENT]);
}

#[tokio::test]
async fn an_incomplete_batch_is_a_warning() {
    async fn fails(_: Event) -> Result<(), &'static str> {
        Err("no seat left")
    }
    send(genuine(BODY), web::post().to(async |batch: Batch| batch.process(1, fails).await)).await;
    assert_eq!(warnings(), [EVENT_FAILED, NOT_DONE]);
}

/// An error of an event that the handler reads itself is logged like that of an extractor.
#[tokio::test]
async fn data_that_a_handler_cannot_read_is_a_warning_that_names_it() {
    async fn typed(event: Event) -> Result<&'static str, EventError> {
        event.typed().map(|_| "handled")
    }
    send(genuine(BODY), web::post().to(typed)).await;
    assert_eq!(warnings(), [NO_FAN]);
}

/// The handler has decided otherwise.
#[tokio::test]
async fn a_rejection_that_a_handler_takes_is_not_logged() {
    async fn takes(event: Result<Event<EventData>, Rejection>) -> &'static str {
        event.expect_err("no event");
        "handled"
    }
    send(genuine(BODY), web::post().to(takes)).await;
    assert_eq!(warnings(), [""; 0]);
}

/// No response shows the loss.
#[tokio::test]
async fn a_handler_that_panics_is_a_warning_that_names_the_delivery() {
    async fn panics(delivery: Delivery) -> HttpResponse {
        panic!("no seat left for {delivery:?}")
    }
    send(genuine(BODY), web::post().to(panics)).await;
    let panicked = "ERROR nevent_webhooks: the handler panicked outcome=\"handler_panicked\" \
        scope=\"stacks\" delivery=\"dlv_1\" in_background=false";
    assert_eq!(warnings(), [panicked]);
}

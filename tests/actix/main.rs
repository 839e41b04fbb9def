//! The actix-web middleware and extractors. Its workers share one store.

mod middleware;
#[path = "../support/secrets.rs"]
mod secrets;
mod workers;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use hyper::body::Bytes;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    Batch, BatchReport, DedupeLayer, DedupeOptions, Delivery, DeliveryId, Event, EventData,
    EventError, Rejection, RejectionError, RejectionResponse, Verifier, VerifyError, VerifyLayer,
    VerifyOptions, WebhookMiddleware,
};
use secrets::{SECRET, secret, signature};

const BODY: &str =
    r#"{"id":"evt_1","type":"fan.created","created":1,"data":{"n":1},"organization_id":"org_1"}"#;

fn layers() -> (VerifyLayer, DedupeLayer) {
    let dedupe = DedupeLayer::new("tickets", MemoryStore::new()).expect("a scope");
    (VerifyLayer::new(Verifier::new(secret(SECRET))), dedupe)
}

fn middleware() -> WebhookMiddleware {
    let (verify, dedupe) = layers();
    WebhookMiddleware::new(&verify, &dedupe)
}

fn genuine(id: &str) -> TestRequest {
    TestRequest::post()
        .uri("/hook")
        .insert_header(("x-nevent-signature", signature(BODY)))
        .insert_header(("x-nevent-delivery", id))
        .insert_header(("content-type", "application/json"))
        .set_payload(BODY)
}

fn rejection<B>(response: &ServiceResponse<B>) -> Option<&Rejection> {
    response.response().error().and_then(|error| error.as_error::<Rejection>())
}

async fn text<B: MessageBody>(response: ServiceResponse<B>) -> String {
    let body = actix_web::body::to_bytes(response.into_body()).await;
    String::from_utf8(body.unwrap_or_default().to_vec()).expect("text")
}

#[tokio::test]
async fn every_extractor_works_on_the_verified_bytes() {
    async fn all(
        (delivery, event): (Delivery, Event),
        bytes: Bytes,
        request: HttpRequest,
    ) -> String {
        assert_eq!((delivery.body(), &*event.event_type), (&bytes, "fan.created"));
        assert_eq!(
            request.headers().get("x-nevent-delivery").expect("sent"),
            delivery.id().as_str()
        );
        "bytes".to_owned()
    }
    async fn json(event: web::Json<serde_json::Value>) -> String {
        event["id"].as_str().expect("text").to_owned()
    }
    async fn text_body(body: String) -> String {
        body
    }
    async fn typed(event: Event<std::collections::HashMap<String, u32>>) -> String {
        event.data["n"].to_string()
    }
    async fn payload(payload: web::Payload) -> String {
        let body = payload.to_bytes().await.expect("the body");
        body.len().to_string()
    }
    let answers = [
        (web::post().to(all), "bytes".to_owned()),
        (web::post().to(json), "evt_1".to_owned()),
        (web::post().to(text_body), BODY.to_owned()),
        (web::post().to(typed), "1".to_owned()),
        (web::post().to(payload), BODY.len().to_string()),
    ];
    for (route, answer) in answers {
        let resource = web::resource("/hook").wrap(middleware()).route(route);
        let app = init_service(App::new().service(resource)).await;
        let response = call_service(&app, genuine("d").to_request()).await;
        assert_eq!((response.status(), text(response).await), (StatusCode::OK, answer));
    }
}

#[tokio::test]
async fn data_that_cannot_be_read_is_a_bad_request() {
    async fn handle(event: Event) -> Result<HttpResponse, EventError> {
        event.typed().map(|_| HttpResponse::Ok().finish())
    }
    let route = web::resource("/hook").wrap(middleware()).route(web::post().to(handle));
    let app = init_service(App::new().service(route)).await;
    let response = call_service(&app, genuine("d").to_request()).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    // A logger that reads the error instead of the response sees the same status.
    let error = response.response().error().expect("an error").as_response_error();
    assert_eq!(error.status_code(), StatusCode::BAD_REQUEST);
    assert!(matches!(rejection(&response), Some(Rejection::Event(_))));
    assert_eq!(text(response).await, "Malformed event");
}

/// The handler decides; and a type of event that differs from the header counts once.
#[tokio::test]
async fn a_result_gives_the_handler_the_reason() {
    async fn handle(
        delivery: Delivery,
        event: Result<Event<EventData>, Rejection>,
        raw: Result<Event, Rejection>,
    ) -> String {
        let rejection = event.expect_err("no fan");
        assert!(raw.is_ok() && delivery.body() == BODY);
        format!("parked: {rejection}")
    }
    let (verify, dedupe) = layers();
    let hook = web::post().to(handle).wrap(WebhookMiddleware::new(&verify, &dedupe));
    let app = init_service(App::new().route("/hook", hook)).await;
    let request = genuine("d-1").insert_header(("x-nevent-event", "fan.updated"));
    let response = call_service(&app, request.to_request()).await;
    assert!(rejection(&response).is_none());
    assert_eq!(
        text(response).await,
        "parked: authentic, but not the JSON of such an event: `data`: missing field `fan`"
    );
    assert_eq!(verify.event_type_mismatches(), 1);
}

#[tokio::test]
async fn a_malformed_event_is_released() {
    async fn handle(_: Event<String>) -> &'static str {
        "handled"
    }
    let (verify, dedupe) = layers();
    let webhook = WebhookMiddleware::new(&verify, &dedupe);
    let resource = web::resource("/hook").wrap(webhook).route(web::post().to(handle));
    let app = init_service(App::new().service(resource)).await;
    for _ in 0..2 {
        let response = call_service(&app, genuine("d").to_request()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let id = response.response().extensions().get::<DeliveryId>().cloned();
        assert_eq!(id.expect("beside a rejection").as_str(), "d");
        assert_eq!(text(response).await, "Malformed event");
    }
}

/// One who refuses on the same grounds is answered as the middleware does.
#[tokio::test]
async fn a_handler_can_return_a_rejection() {
    async fn handle() -> Result<&'static str, Rejection> {
        Err(VerifyError::MissingSignature.into())
    }
    let app = init_service(App::new().route("/", web::get().to(handle))).await;
    let response = app.call(TestRequest::get().to_request()).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers().get("www-authenticate").expect("set"), "Nevent-Signature");
    assert_eq!(response.headers().get("content-type").expect("set"), "text/plain; charset=utf-8");
    assert_eq!(text(response).await, "Missing signature");
}

#[tokio::test]
async fn typed_events_batches_and_their_reports() {
    async fn on_event(event: Event<EventData>) -> Result<(), String> {
        match event.data {
            EventData::Unknown { data, .. } if data.get() == r#"{"n":1}"# => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
    async fn handle(batch: Batch) -> BatchReport {
        batch.process(2, on_event).await
    }
    let route = web::resource("/hook").wrap(middleware()).route(web::post().to(handle));
    let app = init_service(App::new().service(route)).await;
    let good = BODY.replace("fan.created", "new.type");
    for (id, body, status, answer) in [
        ("d1", format!("[{good}]"), 200, ""),
        ("d2", format!("[{good},7]"), 500, "Batch incomplete"),
        ("d3", "{}".to_owned(), 400, "Malformed event"),
    ] {
        let request = genuine(id).insert_header(("x-nevent-signature", signature(&body)));
        let response = call_service(&app, request.set_payload(body).to_request()).await;
        assert_eq!(response.status(), status, "{id}");
        let rejection = rejection(&response);
        assert_eq!(rejection.map_or("", Rejection::body_text), answer);
        assert_eq!(text(response).await, answer);
    }
}

/// Middleware outside finds the rejection, whatever the response's body.
#[tokio::test]
async fn an_own_response_keeps_the_rejection() {
    async fn handle() -> HttpResponse {
        panic!("a handler's bug")
    }
    fn own(_: &Rejection) -> RejectionResponse {
        RejectionResponse::new("text/html", "<p>no</p>")
    }
    let verifier = Verifier::new(secret(SECRET));
    let verify = VerifyLayer::with_options(verifier, VerifyOptions::new().rejection_response(own));
    let options = DedupeOptions::new().rejection_response(own);
    let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), options);
    let webhook = WebhookMiddleware::new(&verify, &dedupe.expect("safe options"));
    let resource = web::resource("/hook").wrap(webhook).route(web::post().to(handle));
    let app = init_service(App::new().service(resource)).await;

    let unsigned = TestRequest::post().uri("/hook").to_request();
    let response = call_service(&app, unsigned).await;
    let missing = Rejection::from(VerifyError::MissingSignature);
    assert_eq!(rejection(&response), Some(&missing));
    assert_eq!(text(response).await, "<p>no</p>");

    let error = app.call(genuine("d").to_request()).await.expect_err("the request is gone");
    let rejection = error.as_error::<RejectionError>().expect("a rejection").rejection();
    assert_eq!(rejection, &Rejection::HandlerPanicked);
    assert_eq!(error.as_response_error().status_code(), StatusCode::INTERNAL_SERVER_ERROR);
}

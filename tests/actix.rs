//! What is actix's own: where the middleware goes, what extractors get, and that
//! its workers share one memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::event::{Batch, BatchReport, EventData};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    Clock, DedupeLayer, Delivery, DeliveryId, Event, EventError, Rejection, Secret, Signer,
    SystemClock, Verifier, VerifyLayer, WebhookMiddleware,
};

const SECRET: &str = "whsec_k5EKJQnf9sMX2vYzJdHG3L8pR";
const BODY: &str =
    r#"{"id":"evt_1","type":"fan.created","created":1,"data":{"n":1},"organization_id":"org_1"}"#;

fn layers() -> (VerifyLayer, DedupeLayer) {
    let secret = Secret::new(SECRET).expect("a secret");
    let dedupe = DedupeLayer::new("tickets", MemoryStore::new()).expect("a scope");
    (VerifyLayer::new(Verifier::new(secret)), dedupe)
}

fn middleware() -> WebhookMiddleware {
    let (verify, dedupe) = layers();
    WebhookMiddleware::new(&verify, &dedupe)
}

fn signature(body: &str) -> String {
    let signer = Signer::new(&Secret::new(SECRET).expect("a secret"));
    signer.header(SystemClock.unix_seconds(), body.as_bytes())
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
    assert_eq!(text(response).await, "Malformed event");
}

/// On an app, a scope or a resource, each answers what it should.
#[tokio::test]
async fn it_wraps_what_actix_wraps() {
    async fn handle(_: Delivery) -> &'static str {
        "handled"
    }
    let route = || web::resource("/hook").route(web::post().to(handle));
    let on_route = web::post().to(handle).wrap(middleware());
    let on_route = App::new().service(web::resource("/hook").route(on_route));
    let on_route = init_service(on_route).await;
    let on_resource = init_service(App::new().service(route().wrap(middleware()))).await;
    let on_scope = App::new().service(web::scope("").wrap(middleware()).service(route()));
    let on_scope = init_service(on_scope).await;
    let on_app = init_service(App::new().wrap(middleware()).service(route())).await;
    macro_rules! handles_once {
        ($app:expr) => {
            let response = call_service(&$app, genuine("d").to_request()).await;
            assert_eq!(text(response).await, "handled");
            let repeat = call_service(&$app, genuine("d").to_request()).await;
            assert_eq!(rejection(&repeat), Some(&Rejection::AlreadyProcessed));
            let id = repeat.response().extensions().get::<DeliveryId>().cloned();
            assert_eq!(id.expect("of a genuine request").as_str(), "d");
            assert_eq!(text(repeat).await, "Already processed");
        };
    }
    handles_once!(on_route);
    handles_once!(on_resource);
    handles_once!(on_scope);
    handles_once!(on_app);
    // A route leaves other methods alone, a resource other paths.
    let get = TestRequest::get().uri("/hook").to_request();
    assert_eq!(call_service(&on_route, get).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let elsewhere = TestRequest::get().uri("/elsewhere").to_request();
    assert_eq!(call_service(&on_resource, elsewhere).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_handler_without_the_middleware_says_so() {
    async fn handle(_: Event) -> &'static str {
        "handled"
    }
    let app = App::new().route("/hook", web::post().to(handle));
    let response = call_service(&init_service(app).await, genuine("d").to_request()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text(response).await.contains(".wrap(WebhookMiddleware::new(&verify, &dedupe))"));
}

#[tokio::test]
async fn two_middlewares_say_so() {
    async fn handle(_: Delivery) -> &'static str {
        "handled"
    }
    let resource = web::resource("/hook").wrap(middleware()).wrap(middleware());
    let app = init_service(App::new().service(resource.route(web::post().to(handle)))).await;
    let response = call_service(&app, genuine("d").to_request()).await;
    assert_eq!(rejection(&response), Some(&Rejection::TwoVerifyLayers));
}

#[tokio::test]
async fn an_event_that_is_none_is_released() {
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
        assert_eq!(text(response).await, "Malformed event");
    }
}

/// Ten thousand deliveries, each sent twice at once to a server of four workers.
#[tokio::test(flavor = "multi_thread")]
async fn four_workers_share_one_memory() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (verify, dedupe) = layers();
    let counted = Arc::clone(&runs);
    let (told, address) = mpsc::channel();
    thread::spawn(move || {
        let server = HttpServer::new(move || {
            let counted = Arc::clone(&counted);
            let handle = move |_: Delivery| {
                counted.fetch_add(1, Ordering::SeqCst);
                async { HttpResponse::Ok().finish() }
            };
            let resource = web::resource("/hook").wrap(WebhookMiddleware::new(&verify, &dedupe));
            App::new().service(resource.route(web::post().to(handle)))
        });
        let server = server.workers(4).disable_signals().bind("127.0.0.1:0").expect("a port");
        told.send(server.addrs()[0]).expect("awaited");
        actix_web::rt::System::new().block_on(server.run()).expect("actix serves");
    });
    let address = address.recv().expect("it starts");
    let client = Client::builder(TokioExecutor::new()).build_http();
    for first in (0..10_000).step_by(16) {
        let sent = (first..first + 16).flat_map(|n| [n, n]).map(|n| {
            let body = format!(r#"{{"n":{n}}}"#);
            let request = hyper::Request::post(format!("http://{address}/hook"))
                .header("x-nevent-signature", signature(&body))
                .header("x-nevent-delivery", n.to_string())
                .body(Full::<Bytes>::from(body));
            client.request(request.expect("a request"))
        });
        for answer in futures_util::future::join_all(sent).await {
            assert!([200, 409].contains(&answer.expect("an answer").status().as_u16()));
        }
    }
    assert_eq!(runs.load(Ordering::SeqCst), 10_000);
}

/// A store made within the closure would be one for each worker; whichever runtime the
/// server runs on.
#[test]
fn layers_made_in_a_worker_are_refused() {
    let serve = async || {
        let server = HttpServer::new(|| App::new().wrap(middleware()));
        server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a port").run().await
    };
    assert!(actix_web::rt::System::new().block_on(serve()).is_err(), "it does not start");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert!(runtime.block_on(serve()).is_err(), "it does not start");
}

/// One who refuses on the same grounds is answered as the middleware does.
#[tokio::test]
async fn a_rejection_is_an_answer() {
    async fn handle() -> Result<&'static str, Rejection> {
        Err(Rejection::MissingSignature)
    }
    let app = init_service(App::new().route("/", web::get().to(handle))).await;
    let response = app.call(TestRequest::get().to_request()).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers().get("www-authenticate").expect("set"), "Nevent-Signature");
    assert_eq!(response.headers().get("content-type").expect("set"), "text/plain; charset=utf-8");
    assert_eq!(text(response).await, "Missing signature");
}

/// What an outer middleware does to responses, it does to refusals.
#[tokio::test]
async fn outer_middleware_sees_refusals() {
    async fn handle(_: Delivery) -> &'static str {
        "handled"
    }
    let defaults = DefaultHeaders::new().add(("x-default", "set"));
    let route = web::post().to(handle).wrap(middleware());
    let app = init_service(App::new().wrap(defaults).route("/hook", route)).await;
    let forged = TestRequest::post().uri("/hook").set_payload(BODY).to_request();
    let response = call_service(&app, forged).await;
    assert_eq!(rejection(&response), Some(&Rejection::MissingSignature));
    assert_eq!(response.headers().get("x-default").expect("added"), "set");
}

/// A middleware outside that holds the request is in nobody's way, nor is a replay.
#[tokio::test]
async fn a_request_that_is_held_outside() {
    let failures = Arc::new(AtomicUsize::new(1));
    let handle = move |delivery: Delivery| {
        let fails = failures.swap(0, Ordering::SeqCst) == 1;
        async move {
            let id = delivery.id().to_string();
            if fails { HttpResponse::BadGateway().finish() } else { HttpResponse::Ok().body(id) }
        }
    };
    let held =
        from_fn(|_held: HttpRequest, request: ServiceRequest, next: Next<_>| next.call(request));
    let resource = web::resource("/hook").wrap(middleware()).wrap(held);
    let app = init_service(App::new().service(resource.route(web::post().to(handle)))).await;
    let signed = signature(BODY);
    let sent = |id: &'static str| {
        let request = TestRequest::post().uri("/hook").set_payload(BODY);
        let request = request.insert_header(("x-nevent-signature", signed.clone()));
        request.insert_header(("x-nevent-delivery", id)).to_request()
    };
    assert_eq!(call_service(&app, sent("first")).await.status(), StatusCode::BAD_GATEWAY);
    let replayed = call_service(&app, sent("another")).await;
    assert_eq!((replayed.status(), text(replayed).await), (StatusCode::OK, "first".to_owned()));
}

/// Where no task can be had that stays on its thread, a hang-up ends the handler, and
/// nothing else.
#[tokio::test]
async fn a_hang_up_outside_of_actix() {
    async fn handle(_: Delivery) -> &'static str {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        "handled"
    }
    let route = web::post().to(handle).wrap(middleware());
    let app = init_service(App::new().route("/hook", route)).await;
    let hurried = std::time::Duration::from_millis(20);
    let called = try_call_service(&app, genuine("d").to_request());
    assert!(tokio::time::timeout(hurried, called).await.is_err());
    let again = call_service(&app, genuine("d").to_request()).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
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

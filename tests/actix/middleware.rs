//! Where the middleware goes, and what becomes of the requests that it does not take.

use std::error::Error;
use std::future::Ready;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::PayloadError;
use actix_web::http::{KeepAlive, StatusCode};
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, Delivery, DeliveryId, Event, Rejection, VerifyError, WebhookMiddleware,
};

use super::{BODY, genuine, layers, middleware, rejection, signature, text};

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
        // By default it closes what was silent for 5 s, as the client's spare connections are
        // on a busy machine, and what the client then sends there is answered with a reset.
        let server = server.keep_alive(KeepAlive::Os).client_request_timeout(Duration::ZERO);
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
fn a_store_in_memory_made_in_a_worker_is_refused() {
    let serve = async || {
        let server = HttpServer::new(|| App::new().wrap(middleware()));
        server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a port").run().await
    };
    assert!(actix_web::rt::System::new().block_on(serve()).is_err(), "it does not start");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    assert!(runtime.block_on(serve()).is_err(), "it does not start");
}

/// What matters is the store: layers of its own for each worker, and for each address that
/// the server listens at, are as good.
#[test]
fn layers_made_in_a_worker_over_one_store_are_taken() {
    let store = Arc::new(MemoryStore::with_capacity(10).expect("room"));
    let serve = async || {
        let store = Arc::clone(&store);
        let server = HttpServer::new(move || {
            let dedupe = DedupeLayer::new("tickets", Arc::clone(&store)).expect("a scope");
            App::new().wrap(WebhookMiddleware::new(&layers().0, &dedupe))
        });
        let server = server.workers(2).disable_signals().bind("127.0.0.1:0").expect("a port");
        let server = server.bind("127.0.0.1:0").expect("another").run();
        let handle = server.handle();
        actix_web::rt::spawn(async move { handle.stop(true).await });
        server.await
    };
    actix_web::rt::System::new().block_on(serve()).expect("it starts, and stops");
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
    assert_eq!(rejection(&response), Some(&Rejection::Signature(VerifyError::MissingSignature)));
    assert_eq!(response.headers().get("x-default").expect("added"), "set");
}

/// A service inside that takes no more is sent no more.
#[tokio::test]
async fn it_is_as_ready_as_what_it_wraps() {
    struct Busy;
    impl Service<ServiceRequest> for Busy {
        type Response = ServiceResponse;
        type Error = actix_web::Error;
        type Future = Ready<Result<ServiceResponse, actix_web::Error>>;
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<Result<(), actix_web::Error>> {
            Poll::Pending
        }
        fn call(&self, _: ServiceRequest) -> Self::Future {
            unreachable!("not ready")
        }
    }
    let busy = middleware().new_transform(Busy).await.expect("a service");
    assert!(busy.poll_ready(&mut Context::from_waker(Waker::noop())).is_pending());
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
        tokio::time::sleep(Duration::from_secs(60)).await;
        "handled"
    }
    let route = web::post().to(handle).wrap(middleware());
    let app = init_service(App::new().route("/hook", route)).await;
    let hurried = Duration::from_millis(20);
    let called = try_call_service(&app, genuine("d").to_request());
    assert!(tokio::time::timeout(hurried, called).await.is_err());
    let again = call_service(&app, genuine("d").to_request()).await;
    assert_eq!(again.status(), StatusCode::CONFLICT);
}

/// A middleware outside that cuts bodies off with this error.
async fn cut_off(error: fn() -> PayloadError) -> Rejection {
    let cut = move |mut request: ServiceRequest, service: &_| {
        let payload = Box::pin(futures_util::stream::iter([Err(error())]));
        request.set_payload(Payload::Stream { payload });
        Service::call(service, request)
    };
    let handler = web::post().to(async || "handled");
    let resource = web::resource("/hook").route(handler).wrap(middleware()).wrap_fn(cut);
    let app = init_service(App::new().service(resource)).await;
    let response = call_service(&app, genuine("d").to_request()).await;
    rejection(&response).expect("not handled").clone()
}

#[tokio::test]
async fn a_rejection_has_the_error_of_the_body_as_its_source() {
    let late = || PayloadError::Io(ErrorKind::TimedOut.into());
    let lost: fn() -> PayloadError = || PayloadError::Incomplete(None);
    for (error, text) in [
        ((|| PayloadError::Overflow) as fn() -> PayloadError, "Payload too large"),
        (late, "Body timeout"),
        (lost, "Unreadable body"),
    ] {
        let rejection = cut_off(error).await;
        assert_eq!(rejection.body_text(), text);
        let source = rejection.source().and_then(|error| error.downcast_ref::<PayloadError>());
        assert_eq!(source.expect("actix's own").to_string(), error().to_string());
    }
}

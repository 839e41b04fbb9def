//! The places where the middleware can be added, and requests that it does not handle.

use std::error::Error;
use std::future::Ready;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use actix_web::dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::middleware::{DefaultHeaders, Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, try_call_service};
use actix_web::{App, HttpRequest, HttpResponse, web};
use nevent_webhooks::event::EventData;
use nevent_webhooks::observe::{Observation, Outcome};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, DedupeOptions, Delivery, DeliveryId, Event, Rejection, VerifyError,
    WebhookMiddleware,
};

use super::secrets::signature;
use super::{BODY, genuine, layers, middleware, rejection, text};

/// On an app, a scope or a resource, each answers what it should.
#[tokio::test]
async fn it_wraps_apps_scopes_and_resources() {
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
async fn a_missing_middleware_is_named() {
    async fn handle(_: Event) -> &'static str {
        "handled"
    }
    let app = App::new().route("/hook", web::post().to(handle));
    let response = call_service(&init_service(app).await, genuine("d").to_request()).await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text(response).await.contains(".wrap(WebhookMiddleware::new(&verify, &dedupe))"));
}

#[tokio::test]
async fn a_second_middleware_is_an_error() {
    async fn handle(_: Delivery) -> &'static str {
        "handled"
    }
    let resource = web::resource("/hook").wrap(middleware()).wrap(middleware());
    let app = init_service(App::new().service(resource.route(web::post().to(handle)))).await;
    let response = call_service(&app, genuine("d").to_request()).await;
    assert_eq!(rejection(&response), Some(&Rejection::TwoVerifyLayers));
}

/// Below signatures, a token would make a signed delivery look unsigned.
#[cfg(feature = "schemes")]
#[tokio::test]
async fn a_token_below_signatures_is_an_error() {
    use nevent_webhooks::token::{Token, TokenDelivery, TokenLayer};

    async fn handle(_: TokenDelivery) -> &'static str {
        "handled"
    }
    let token = Token::header("x-token", "k5EKJQnf9sMX2vYzJdHG3L8pR").expect("a token");
    let dedupe = DedupeLayer::new("token", MemoryStore::new()).expect("a scope");
    let below = WebhookMiddleware::with_token(&TokenLayer::new(token), &dedupe);
    let resource = web::resource("/hook").wrap(below).wrap(middleware());
    let app = init_service(App::new().service(resource.route(web::post().to(handle)))).await;
    let request = genuine("d").insert_header(("x-token", "k5EKJQnf9sMX2vYzJdHG3L8pR"));
    let response = call_service(&app, request.to_request()).await;
    assert_eq!(rejection(&response), Some(&Rejection::TwoTokenLayers));
}

/// The extractor of a middleware below rejects with an error, without a response.
#[tokio::test]
async fn a_rejection_that_is_an_error_is_observed() {
    async fn looks<B>(
        _: Event<EventData>,
        request: ServiceRequest,
        next: Next<B>,
    ) -> Result<ServiceResponse<B>, actix_web::Error> {
        next.call(request).await
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let inside = Arc::clone(&told);
    let observer = move |of: &Observation<'_>| {
        let line = match of.outcome {
            Outcome::Rejected { rejection, .. } => rejection.as_str().to_owned(),
            Outcome::HandlerFailed { error, .. } => error.expect("the rejection").to_owned(),
            _ => return,
        };
        inside.lock().expect("no panic while locked").push(line);
    };
    let options = DedupeOptions::new().observer(observer);
    let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), options);
    let middleware = WebhookMiddleware::new(&layers().0, &dedupe.expect("a scope"));
    let resource = web::resource("/hook").wrap(from_fn(looks)).wrap(middleware);
    let app = App::new().service(resource.route(web::post().to(HttpResponse::Ok)));
    let error = try_call_service(&init_service(app).await, genuine("d").to_request()).await;
    assert_eq!(error.expect_err("a rejection").as_response_error().status_code(), 400);
    let [failed, rejected] = &told.lock().expect("no panic while locked")[..] else {
        panic!("{told:?}")
    };
    assert!(failed.starts_with("authentic, but not the JSON of such an event"), "{failed}");
    assert_eq!(rejected, "malformed_event");
}

/// An outer middleware changes rejections as it changes other responses.
#[tokio::test]
async fn outer_middleware_sees_rejections() {
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

/// A service that is not ready is sent nothing.
#[tokio::test]
async fn it_is_ready_when_its_service_is() {
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

/// A request that an outer middleware holds blocks neither other requests nor a replay.
#[tokio::test]
async fn a_request_held_by_an_outer_middleware() {
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

/// Without a runtime for tasks that stay on their thread, a hang-up ends the handler and nothing
/// else.
#[tokio::test]
async fn a_client_hangs_up_outside_of_the_actix_runtime() {
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

/// The rejection when an outer middleware cuts the body off with this error.
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

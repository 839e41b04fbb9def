//! Receivers that are called without a socket.

use std::rc::Rc;

use actix_http::Request;
use actix_web::dev::Service as _;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{App, test};
use tower::ServiceExt;

use crate::deliveries::Signed;
use crate::receivers::{ActixReceiver, AnyReceiver, Receiver};

/// The work of receiving deliveries. Their requests have been built already.
pub type Job = Box<dyn FnOnce()>;

/// Builds the requests of deliveries.
pub type Prepare = Box<dyn Fn(&[Signed]) -> Job>;

/// Starts the receiver.
#[must_use]
pub fn start(receiver: AnyReceiver) -> Prepare {
    match receiver {
        AnyReceiver::Axum(receiver) => Box::new(axum(receiver)),
        AnyReceiver::Actix(receiver) => Box::new(actix(receiver)),
    }
}

fn axum(receiver: Receiver) -> impl Fn(&[Signed]) -> Job {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = Rc::new(runtime.expect("a runtime"));
    let router = receiver.router();
    move |deliveries| {
        let requests: Vec<_> = deliveries.iter().map(Signed::request).collect();
        let (runtime, router) = (Rc::clone(&runtime), router.clone());
        Box::new(move || {
            runtime.block_on(async {
                for request in requests {
                    let response = router.clone().oneshot(request).await.expect("infallible");
                    assert_eq!(response.status(), 200);
                }
            });
        })
    }
}

fn actix(receiver: ActixReceiver) -> impl Fn(&[Signed]) -> Job {
    let system = Rc::new(actix_web::rt::System::new());
    let app = App::new().configure(receiver.configure());
    let app = Rc::new(system.block_on(test::init_service(app)));
    move |deliveries| {
        let requests: Vec<_> = deliveries.iter().map(actix_request).collect();
        let (system, app) = (Rc::clone(&system), Rc::clone(&app));
        Box::new(move || {
            system.block_on(async {
                for request in requests {
                    let response = app.call(request).await.expect("a response");
                    assert_eq!(response.status(), 200);
                }
            });
        })
    }
}

fn actix_request(delivery: &Signed) -> Request {
    let (parts, _) = delivery.request().into_parts();
    let mut request = test::TestRequest::post().uri("/webhooks");
    for (name, value) in &parts.headers {
        let name = HeaderName::try_from(name.as_str()).expect("a header");
        let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
        request = request.insert_header((name, value));
    }
    request.set_payload(delivery.body.clone()).to_request()
}

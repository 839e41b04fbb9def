//! d05, d06: handlers that fail, panic or return an error.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Request, Response, StatusCode};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Incident, ResponseBody, VerifiedBody, Verifier, VerifyLayer};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::support::secrets::{secret, signature};
use crate::support::{Adapter, EVENT, Post, Receiver, SECRET, rows};

rows!(d05_failed_handler, d06_panic, d06_panic_that_panics_again,);

async fn d05_failed_handler(adapter: Adapter) {
    for status in [302_u16, 304, 400, 404, 409, 422, 500, 503] {
        let failures = AtomicUsize::new(1);
        let fails_once = move |_| {
            let fails = failures.swap(0, Ordering::SeqCst) == 1;
            let status = StatusCode::from_u16(status).expect("a status");
            async move { if fails { status } else { StatusCode::NO_CONTENT } }
        };
        let receiver = Receiver::on(adapter).handler(fails_once).start().await;
        assert_eq!(receiver.deliver(&Post::new("d")).await.status, status);
        receiver.deliver(&Post::new("d")).await.is(204, "");
        receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
        assert_eq!(receiver.runs(), 2);
    }
}

async fn d06_panic(adapter: Adapter) {
    let runs = AtomicUsize::new(0);
    let panics_once = move |_| {
        let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!first, "a handler's bug");
            StatusCode::OK
        }
    };
    let receiver = Receiver::on(adapter).handler(panics_once).start().await;
    let mut connection = receiver.start(&Post::new("d")).await;
    connection.reply().await.is(500, "Internal server error");
    // The same connection goes on.
    let (head, body) = Post::new("d").wire(receiver.now());
    connection.send(&[head, body].concat()).await;
    connection.reply().await.is(200, "");
    assert_eq!(receiver.runs(), 2);
    assert_eq!(receiver.incidents(Incident::HandlerPanicked), 1);
}

/// The payload of a panic is dropped, and may panic again. The delivery is released at once all
/// the same, not at the end of its lease.
async fn d06_panic_that_panics_again(adapter: Adapter) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("once more");
        }
    }
    let runs = AtomicUsize::new(0);
    let panics_once = move |_| {
        let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if first {
                std::panic::panic_any(Bomb);
            }
            StatusCode::OK
        }
    };
    let receiver = Receiver::on(adapter).handler(panics_once).start().await;
    receiver.deliver(&Post::new("d")).await.is(500, "Internal server error");
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!((receiver.runs(), receiver.incidents(Incident::HandlerPanicked)), (2, 1));
}

/// In axum a handler's service cannot fail, so this is on Tower alone.
#[tokio::test]
async fn d06_error_is_handed_up_unchanged() {
    let dedupe = DedupeLayer::new("d", MemoryStore::new()).expect("a scope");
    let fail = service_fn(|_: Request<VerifiedBody>| async { Err::<Response<String>, _>("down") });
    let work = service_fn(|_: Request<VerifiedBody>| async {
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let verify = VerifyLayer::new(Verifier::new(secret(SECRET)));
    let request = || {
        let request = Request::post("/").header("x-nevent-signature", signature(EVENT));
        request
            .header("x-nevent-delivery", "d")
            .body(axum::body::Body::from(EVENT))
            .expect("a request")
    };
    let failing = ServiceBuilder::new().layer((&verify, &dedupe)).service(fail);
    assert_eq!(failing.oneshot(request()).await.err(), Some("down"));
    let working = ServiceBuilder::new().layer((&verify, &dedupe)).service(work);
    let response: Response<ResponseBody<ResponseBody<String>>> =
        working.oneshot(request()).await.expect("released first");
    assert_eq!(response.status(), StatusCode::OK);
}

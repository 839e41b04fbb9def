//! d05, d06, d09, d10, d18, d19: how a handler ends, and what then becomes of
//! the delivery.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::http::{Request, Response, StatusCode};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, DedupeOptions, Incident, ResponseBody, Signer, VerifiedBody, Verifier, VerifyLayer,
};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::support::busy::within;
use crate::support::receiver::secret;
use crate::support::{Adapter, EVENT, FaultyStore, Gate, Post, Receiver, SECRET, eventually, rows};

rows!(
    d05_failed_handler,
    d06_panic,
    d06_panic_that_panics_again,
    d09_client_hangs_up,
    d09_client_resets,
    d10_no_answer_by_the_deadline,
    d10_deadline_counts_from_the_head,
    d10_renewed_beyond_its_lease,
    d18_handler_that_never_ends,
    d18_handler_that_blocks_its_thread,
    d19_shutdown_waits_for_detached_handlers,
);

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

/// What a panic carries is dropped, and may panic again: the delivery is released all the
/// same, and not at the end of its lease.
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
        let header = Signer::new(&secret(SECRET)).header(now(), EVENT);
        let request = Request::post("/").header("x-nevent-signature", header);
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

fn now() -> i64 {
    nevent_webhooks::Clock::unix_seconds(&nevent_webhooks::SystemClock)
}

async fn d09_client_hangs_up(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    drop(first);
    if adapter.drops_what_a_client_left() {
        is_detached(&receiver).await;
    }
    goes_on_and_completes(&receiver, &gate).await;
}

async fn d09_client_resets(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    first.reset();
    is_detached(&receiver).await;
    goes_on_and_completes(&receiver, &gate).await;
}

async fn is_detached(receiver: &Receiver) {
    eventually("it is detached", || receiver.incidents(Incident::MovedToBackground) == 1).await;
}

async fn goes_on_and_completes(receiver: &Receiver, gate: &Gate) {
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!(gate.passed(), 1);
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

/// A small part of the defaults, in about the same proportions.
fn hurried() -> DedupeOptions {
    let (deadline, store) = (Duration::from_millis(300), Duration::from_millis(100));
    DedupeOptions::new().response_deadline(deadline).store_timeout(store).lease(deadline * 4)
}

async fn d10_no_answer_by_the_deadline(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.options(hurried()).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    is_detached(&receiver).await;
    goes_on_and_completes(&receiver, &gate).await;
}

async fn d10_deadline_counts_from_the_head(adapter: Adapter) {
    let ms = Duration::from_millis;
    within(ms(1300), async || {
        let (setup, gate) = Receiver::gated(adapter);
        let options = DedupeOptions::new().response_deadline(ms(800)).store_timeout(ms(100));
        let receiver = setup.options(options).start().await;
        let (head, body) = Post::new("d").wire(receiver.now());
        let mut connection = receiver.connect().await;
        let begun = Instant::now();
        connection.send(&head).await;
        tokio::time::sleep(ms(600)).await;
        connection.send(&body).await;
        connection.reply().await.is(503, "Still processing");
        let took = begun.elapsed();
        gate.let_pass(1);
        receiver.idle().await;
        took
    })
    .await;
}

async fn d10_renewed_beyond_its_lease(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    // On the real clock: the lease of 1.2 s would lapse twice.
    let store = MemoryStore::with_capacity(10).expect("room");
    let receiver = setup.options(hurried()).store(store).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    tokio::time::sleep(Duration::from_millis(2600)).await;
    goes_on_and_completes(&receiver, &gate).await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
}

/// What blocks its thread cannot be dropped, and is not released while it goes on.
async fn d18_handler_that_blocks_its_thread(adapter: Adapter) {
    if !adapter.moves_work_to_other_threads() {
        return;
    }
    let store = FaultyStore::new(MemoryStore::with_capacity(100).expect("room"));
    let setup = Receiver::on(adapter).store(store.clone()).handler(|_| async {
        tokio::time::sleep(Duration::from_millis(400)).await; // Until it has moved.
        std::thread::sleep(Duration::from_secs(3));
        StatusCode::OK
    });
    let receiver =
        setup.options(hurried().handler_timeout(Duration::from_millis(500))).start().await;
    let traffic = std::thread::spawn(traffic(tokio::runtime::Handle::current()));
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    receiver.idle().await;
    traffic.join().expect("no panic");
    assert_eq!((receiver.incidents(Incident::HandlerTimedOut), store.releases()), (1, 0));
}

/// As any server has. In a runtime with nothing else to do no thread looks at the
/// timers while the one that looked last is blocked.
fn traffic(runtime: tokio::runtime::Handle) -> impl FnOnce() {
    move || {
        for _ in 0..300 {
            std::thread::sleep(Duration::from_millis(10));
            runtime.spawn(async {});
        }
    }
}

async fn d18_handler_that_never_ends(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver =
        setup.options(hurried().handler_timeout(Duration::from_millis(500))).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::HandlerTimedOut), 1);
    gate.let_pass(1);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!((receiver.runs(), gate.passed()), (2, 1), "the first was dropped");
}

async fn d19_shutdown_waits_for_detached_handlers(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    receiver.idle().await;
    let first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    first.reset();
    eventually("the handler runs on", || receiver.incidents(Incident::MovedToBackground) == 1)
        .await;
    let waiting = tokio::spawn({
        let dedupe = receiver.dedupe.clone();
        async move { dedupe.wait_idle().await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    gate.let_pass(1);
    waiting.await.expect("it waits to the end");
    assert_eq!(gate.passed(), 1);
}

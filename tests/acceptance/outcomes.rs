//! d09, d10, d18, d19: handlers that outlive their request, and what happens to the delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeOptions, Incident};
use tokio::task::consume_budget;

use crate::support::busy::within;
use crate::support::{Adapter, FaultyStore, Gate, Post, Receiver, eventually, rows};

rows!(
    d09_client_hangs_up,
    d09_client_resets,
    d10_no_response_by_the_deadline,
    d10_handler_that_computes,
    d10_deadline_counts_from_the_head,
    d10_renewed_beyond_its_lease,
    d18_handler_that_never_ends,
    d18_handler_that_blocks_its_thread,
    d19_shutdown_waits_for_handlers_in_the_background,
);

async fn d09_client_hangs_up(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    drop(first);
    if adapter.drops_what_a_client_left() {
        moved_to_background(&receiver).await;
    }
    goes_on_and_completes(&receiver, &gate).await;
}

async fn d09_client_resets(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.start().await;
    let first = receiver.start(&Post::new("d")).await;
    eventually("the handler runs", || receiver.runs() == 1).await;
    first.reset();
    moved_to_background(&receiver).await;
    goes_on_and_completes(&receiver, &gate).await;
}

async fn moved_to_background(receiver: &Receiver) {
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

async fn d10_no_response_by_the_deadline(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.options(hurried()).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    moved_to_background(&receiver).await;
    goes_on_and_completes(&receiver, &gate).await;
}

/// Tokio's timers are silent for a task that has used up its budget.
async fn d10_handler_that_computes(adapter: Adapter) {
    let done = Arc::new(AtomicBool::new(false));
    let is_done = Arc::clone(&done);
    let setup = Receiver::on(adapter).options(hurried()).handler(move |_| {
        let is_done = Arc::clone(&is_done);
        async move {
            while !is_done.load(Ordering::SeqCst) {
                consume_budget().await;
            }
            StatusCode::OK
        }
    });
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    done.store(true, Ordering::SeqCst);
    receiver.idle().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
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
    // On the real clock: the lease of 1.2 s would expire twice.
    let store = MemoryStore::with_capacity(10).expect("room");
    let receiver = setup.options(hurried()).store(store).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    tokio::time::sleep(Duration::from_millis(2600)).await;
    goes_on_and_completes(&receiver, &gate).await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
}

/// A handler that blocks its thread cannot be dropped, and its delivery is not released while it
/// goes on.
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

/// Traffic, which any server has. In a runtime with nothing else to do, no thread looks at the
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

async fn d19_shutdown_waits_for_handlers_in_the_background(adapter: Adapter) {
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

//! The limits of a batch: concurrency, permits, size, and a store that fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{Batch, DedupeOptions, Event};

use crate::support::work::{Work, event, numbered};
use crate::support::{Adapter, Fault, FaultyStore, Post, Receiver, eventually, rows};

rows!(
    at_most_n_events_at_a_time,
    a_batch_takes_one_permit,
    shutdown_waits_for_events,
    a_store_that_fails_between_events,
    too_many_events,
);

async fn at_most_n_events_at_a_time(adapter: Adapter) {
    for (concurrency, at_once) in [(0, 1), (1, 1), (3, 3), (200, 5)] {
        let (setup, gate) = Receiver::gated(adapter);
        let waiting = Arc::new(Mutex::new(0));
        let handler = {
            let (gate, waiting) = (gate.clone(), Arc::clone(&waiting));
            move |batch: Batch| {
                let (gate, waiting) = (gate.clone(), Arc::clone(&waiting));
                async move {
                    let on_event = move |_: Event| {
                        let (gate, waiting) = (gate.clone(), Arc::clone(&waiting));
                        async move {
                            *waiting.lock().expect("no panic while locked") += 1;
                            gate.pass().await;
                            Ok::<(), String>(())
                        }
                    };
                    let report = batch.process(concurrency, on_event).await;
                    report.into_result().map(|()| StatusCode::OK)
                }
            }
        };
        let receiver = setup.batch_handler(handler).start().await;
        let mut connection = receiver.start(&Post::new("d").body(numbered(0..5))).await;
        let count = || *waiting.lock().expect("no panic while locked");
        eventually("as many as allowed have begun", || count() == at_once).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(count(), at_once, "and no more, of {concurrency}");
        gate.let_pass(5);
        connection.reply().await.is(200, "");
        assert_eq!(count(), 5);
    }
}

/// `max_in_flight` counts deliveries: it bounds the bodies held in memory.
async fn a_batch_takes_one_permit(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.options(DedupeOptions::new().max_in_flight(1)).start().await;
    let gate = work.waits("evt_7");
    let mut connection = receiver.start(&Post::new("d").body(numbered(0..20))).await;
    eventually("evt_7 is in flight", || work.runs_of("evt_7") == 1).await;
    receiver.deliver(&Post::new("other").body(event("other"))).await.is(503, "Try again later");
    gate.let_pass(1);
    connection.reply().await.is(200, "");
    receiver.deliver(&Post::new("other").body(event("other"))).await.is(200, "");
    assert_eq!(work.runs(), 21);
}

async fn shutdown_waits_for_events(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let options = DedupeOptions::new()
        .response_deadline(Duration::from_secs(2))
        .store_timeout(Duration::from_secs(1));
    let receiver = setup.options(options.max_in_flight(1)).start().await;
    let gate = work.waits("evt_0");
    receiver.deliver(&Post::new("d").body(numbered(0..1))).await.is(500, "Batch incomplete");
    let idle = tokio::time::timeout(Duration::from_millis(100), receiver.dedupe.wait_idle()).await;
    assert!(idle.is_err(), "an event is still at work");
    receiver.deliver(&Post::new("other").body(event("x"))).await.is(503, "Try again later");
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&Post::new("d").body(numbered(0..1))).await.is(200, "");
    assert_eq!(work.runs(), 1);
}

async fn a_store_that_fails_between_events(adapter: Adapter) {
    let store = FaultyStore::new(MemoryStore::new());
    let (setup, work) = Work::at_once(adapter, 1);
    let receiver = setup.store(store.clone()).start().await;
    let gate = work.waits("evt_1");
    let post = Post::new("d").body(numbered(0..3));
    let mut connection = receiver.start(&post).await;
    eventually("evt_1 is in flight", || work.runs_of("evt_1") == 1).await;
    store.fail_claims(Fault::Down);
    gate.let_pass(1);
    connection.reply().await.is(500, "Batch incomplete");
    assert_eq!(work.counts(), (2, 0, 1));
    assert!(work.report().failures[0].reason.starts_with("the delivery could not be claimed: "));
    store.fail_claims(None);
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((1, 2, 0), 3));
}

async fn too_many_events(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    // A thousand events take a busy machine more than the nine seconds of the default.
    let deadline = Duration::from_secs(100);
    let options = DedupeOptions::new().response_deadline(deadline).lease(deadline * 3);
    let setup = setup.verify(move |options| options.body_timeout(deadline).stall_timeout(deadline));
    let receiver = setup.options(options).start().await;
    let crumbs = vec!["0"; 500_000].join(",");
    let body = format!("[{crumbs}]");
    receiver.deliver(&Post::new("d").body(body)).await.is(400, "Malformed event");
    receiver.deliver(&Post::new("d2").body(numbered(0..1001))).await.is(400, "Malformed event");
    receiver.deliver(&Post::new("d3").body(numbered(0..1000))).await.is(200, "");
    assert_eq!(work.runs(), 1000);
}

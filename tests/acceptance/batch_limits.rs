//! What bounds a batch: time, and how much is done, held and taken at once.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::event::{Batch, Event};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeOptions, Incident};

use crate::support::work::{Work, event, numbered};
use crate::support::{Adapter, Fault, FaultyStore, Gate, Post, Receiver, eventually, rows};

rows!(
    d25_at_the_deadline_what_runs_goes_on,
    d25_what_had_not_begun_begins_in_the_background,
    d25_at_most_so_many_at_a_time_in_the_background,
    d25_none_begins_when_the_longest_run_is_over,
    d25_a_free_place_is_no_leave_to_begin_late,
    so_many_at_a_time,
    a_batch_needs_no_more_than_its_own_place,
    shutdown_waits_for_events,
    the_store_fails_between_events,
    too_many_events,
);

fn deadline_of(deadline: Duration) -> DedupeOptions {
    DedupeOptions::new().response_deadline(deadline).store_timeout(deadline / 4)
}

async fn d25_at_the_deadline_what_runs_goes_on(adapter: Adapter) {
    let (setup, work) = Work::at_once(adapter, 1);
    let deadline = Duration::from_secs(2);
    let receiver = setup.options(deadline_of(deadline)).start().await;
    let gate = work.waits("evt_1");
    let post = Post::new("d").body(numbered(0..4));
    let begun = Instant::now();
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert!(begun.elapsed() >= deadline / 20 * 19);
    let failures = work.report().failures;
    let reasons: Vec<_> = failures.iter().map(|failure| failure.reason.as_str()).collect();
    assert!(reasons[0].starts_with("no answer by the deadline"), "{reasons:?}");
    assert!(reasons[1..].iter().all(|reason| reason.starts_with("not begun")), "{reasons:?}");
    let ids: Vec<_> = failures.iter().filter_map(|failure| failure.event_id.as_deref()).collect();
    assert_eq!(ids, ["evt_1", "evt_2", "evt_3"]);
    assert_eq!((work.counts(), work.runs()), ((1, 0, 3), 2));

    // It still runs, under its lease; the retry takes up the rest.
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert_eq!(work.counts(), (2, 1, 1));
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((0, 4, 0), 4));
}

async fn d25_what_had_not_begun_begins_in_the_background(adapter: Adapter) {
    let (setup, work) = Work::at_once(adapter, 1);
    let receiver = setup.options(deadline_of(Duration::from_secs(1))).start().await;
    let gate = work.waits("evt_1");
    let post = Post::new("d").body(numbered(0..50));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert_eq!((work.counts(), work.runs()), ((1, 0, 49), 2));
    let a_while = Duration::from_millis(30);
    let idle = tokio::time::timeout(a_while, receiver.dedupe.wait_idle()).await;
    assert!(idle.is_err(), "a shutdown waits for what has not begun");
    assert_eq!(work.runs(), 2, "one at a time, as before");
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!(work.runs(), 50);
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((0, 50, 0), 50));
}

/// However long it takes, and though another batch has done one of them meanwhile.
async fn d25_at_most_so_many_at_a_time_in_the_background(adapter: Adapter) {
    let (gate, at_work) = (Gate::closed(), Arc::new(Mutex::new((0, 0, 0))));
    let handler = {
        let (gate, at_work) = (gate.clone(), Arc::clone(&at_work));
        move |batch: Batch| {
            let (gate, at_work) = (gate.clone(), Arc::clone(&at_work));
            let on_event = move |_: Event| {
                let (gate, at_work) = (gate.clone(), Arc::clone(&at_work));
                async move {
                    let change = |by: i32| {
                        let mut all = at_work.lock().expect("no panic while locked");
                        let now = all.0 + by;
                        *all = (now, all.1.max(now), all.2 + by.max(0));
                    };
                    change(1);
                    gate.pass().await;
                    tokio::task::yield_now().await;
                    change(-1);
                    Ok::<(), String>(())
                }
            };
            async move {
                let report = batch.process(2, on_event).await;
                report.into_result().map(|()| StatusCode::OK)
            }
        }
    };
    let setup = Receiver::on(adapter).batch_handler(handler);
    let receiver = setup.options(deadline_of(Duration::from_secs(1))).start().await;
    receiver.deliver(&Post::new("d").body(numbered(0..30))).await.is(500, "Batch incomplete");
    // Longer than the response deadline, for it has no part in this.
    tokio::time::sleep(Duration::from_secs(2)).await;
    gate.let_pass(3);
    eventually("others have begun", || at_work.lock().expect("no panic").2 >= 5).await;
    gate.let_pass(1);
    let mut connection = receiver.start(&Post::new("e").body(numbered(20..21))).await;
    gate.let_pass(100);
    assert_eq!(connection.reply().await.status, 200);
    receiver.idle().await;
    let (now, most, begun) = *at_work.lock().expect("no panic while locked");
    assert_eq!((now, begun), (0, 30), "each of them once");
    assert!(most <= 3, "{most} at once: two, and the other batch's one");
}

async fn d25_none_begins_when_the_longest_run_is_over(adapter: Adapter) {
    let (setup, work) = Work::at_once(adapter, 1);
    let deadline = Duration::from_secs(1);
    let receiver = setup.options(deadline_of(deadline).handler_timeout(deadline)).start().await;
    work.waits("evt_1");
    receiver.deliver(&Post::new("d").body(numbered(0..4))).await.is(500, "Batch incomplete");
    receiver.idle().await;
    assert_eq!((work.runs(), receiver.incidents(Incident::HandlerTimedOut)), (2, 1));
}

/// One that never waits leaves no place that one could be waited for.
async fn d25_a_free_place_is_no_leave_to_begin_late(adapter: Adapter) {
    let over = Duration::from_secs(1);
    let (runs, late) = (Arc::new(Mutex::new(Vec::new())), over + Duration::from_millis(500));
    let begun = Arc::clone(&runs);
    let handler = move |batch: Batch| {
        let (begun, since) = (Arc::clone(&begun), Instant::now());
        let on_event = move |_: Event| {
            let begun = Arc::clone(&begun);
            async move {
                begun.lock().expect("no panic while locked").push(since.elapsed());
                std::thread::sleep(Duration::from_millis(100));
                Ok::<(), String>(())
            }
        };
        async move {
            let report = batch.process(1, on_event).await;
            report.into_result().map(|()| StatusCode::OK)
        }
    };
    let setup = Receiver::on(adapter).batch_handler(handler);
    let receiver = setup.options(deadline_of(over).handler_timeout(over)).start().await;
    receiver.deliver(&Post::new("d").body(numbered(0..50))).await;
    receiver.idle().await;
    let begun = runs.lock().expect("no panic while locked").clone();
    assert!(begun.len() < 50 && begun.iter().all(|after| *after < late), "{begun:?}");
}

async fn so_many_at_a_time(adapter: Adapter) {
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
async fn a_batch_needs_no_more_than_its_own_place(adapter: Adapter) {
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

async fn the_store_fails_between_events(adapter: Adapter) {
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
    assert!(work.report().failures[0].reason.starts_with("the store could not take the claim"));
    store.fail_claims(None);
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((1, 2, 0), 3));
}

async fn too_many_events(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    // A thousand events take a busy machine more than the nine seconds of the default.
    let deadline = Duration::from_secs(100);
    let options = DedupeOptions::new().response_deadline(deadline).lease(deadline * 3);
    let setup = setup.verify(move |layer| layer.body_timeout(deadline).stall_timeout(deadline));
    let receiver = setup.options(options).start().await;
    let crumbs = vec!["0"; 500_000].join(",");
    let body = format!("[{crumbs}]");
    receiver.deliver(&Post::new("d").body(body)).await.is(400, "Malformed event");
    receiver.deliver(&Post::new("d2").body(numbered(0..1001))).await.is(400, "Malformed event");
    receiver.deliver(&Post::new("d3").body(numbered(0..1000))).await.is(200, "");
    assert_eq!(work.runs(), 1000);
}

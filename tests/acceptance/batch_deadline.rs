//! d25: batches that are not done by the response deadline, or by the handler timeout.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::{Batch, DedupeOptions, Event, Incident};

use crate::support::work::{Work, event, numbered};
use crate::support::{Adapter, Gate, Post, Receiver, eventually, rows};

rows!(
    d25_running_events_continue_after_the_deadline,
    d25_waiting_events_start_in_the_background,
    d25_waiting_events_start_under_the_permit_of_their_delivery,
    d25_the_background_keeps_to_the_concurrency,
    d25_no_event_starts_after_the_handler_timeout,
    d25_no_event_starts_late_without_waiting,
);

async fn d25_running_events_continue_after_the_deadline(adapter: Adapter) {
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
    assert!(reasons[0].starts_with("the handler did not finish by the response"), "{reasons:?}");
    assert!(reasons[1..].iter().all(|reason| reason.starts_with("not started")), "{reasons:?}");
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

async fn d25_waiting_events_start_in_the_background(adapter: Adapter) {
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

/// Its handler has ended by then.
async fn d25_waiting_events_start_under_the_permit_of_their_delivery(adapter: Adapter) {
    let (setup, work) = Work::at_once(adapter, 1);
    let options = deadline_of(Duration::from_secs(1)).max_in_flight(1);
    let receiver = setup.options(options).start().await;
    let gate = work.waits("evt_1");
    receiver.deliver(&Post::new("d").body(numbered(0..5))).await.is(500, "Batch incomplete");
    receiver.deliver(&Post::new("other").body(event("x"))).await.is(503, "Try again later");
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!((work.runs(), receiver.incidents(Incident::TooManyInFlight)), (5, 1));
}

/// The events take long, and another batch completes one of them meanwhile.
async fn d25_the_background_keeps_to_the_concurrency(adapter: Adapter) {
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

async fn d25_no_event_starts_after_the_handler_timeout(adapter: Adapter) {
    let (setup, work) = Work::at_once(adapter, 1);
    let deadline = Duration::from_secs(1);
    let receiver = setup.options(deadline_of(deadline).handler_timeout(deadline)).start().await;
    work.waits("evt_1");
    receiver.deliver(&Post::new("d").body(numbered(0..4))).await.is(500, "Batch incomplete");
    receiver.idle().await;
    assert_eq!((work.runs(), receiver.incidents(Incident::HandlerTimedOut)), (2, 1));
}

/// A handler that never waits always leaves a free place for the next event.
async fn d25_no_event_starts_late_without_waiting(adapter: Adapter) {
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

fn deadline_of(deadline: Duration) -> DedupeOptions {
    DedupeOptions::new().response_deadline(deadline).store_timeout(deadline / 4)
}

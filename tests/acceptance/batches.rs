//! e05–e08: several events in one delivery, each done once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::{Batch, BatchReport, Event, Rejection};

use crate::support::work::{Work, batch, event, numbered};
use crate::support::{Adapter, Post, Receiver, eventually, rows};

rows!(
    e05_batch_of_a_hundred,
    e05_one_event_is_a_batch_of_one,
    e05_empty_batch,
    e06_one_event_fails,
    e06_one_event_panics,
    e06_one_event_is_malformed,
    e06_many_copies_at_once,
    e07_completed_in_another_batch,
    e07_an_id_of_any_text,
    e08_in_flight_in_another_batch,
    e08_the_same_event_twice_in_one_batch,
    event_ids_and_delivery_ids_are_separate,
    e06_a_handler_panics_when_it_is_called,
    e06_failures_are_reported_in_order,
    e07_remembered_for_the_retention,
);

async fn e05_batch_of_a_hundred(adapter: Adapter) {
    for wrapped in [false, true] {
        let (setup, work) = Work::on(adapter);
        let receiver = setup.start().await;
        let body = numbered(0..100);
        let body = if wrapped { format!(r#"{{"events": {body}}}"#) } else { body };
        let post = Post::new("d").body(body);
        receiver.deliver(&post).await.is(200, "");
        assert!((0..100).all(|number| work.runs_of(&format!("evt_{number}")) == 1));
        receiver.deliver(&post).await.is(200, "Already processed");
        assert_eq!((receiver.runs(), work.runs()), (1, 100));
    }
}

async fn e05_one_event_is_a_batch_of_one(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("alone").body(event("evt_1"))).await.is(200, "");
    receiver.deliver(&Post::new("two").body(batch(["evt_1", "evt_2"]))).await.is(200, "");
    assert_eq!((work.runs_of("evt_1"), work.counts()), (1, (1, 1, 0)));
    for (id, body) in ["no JSON", "7", r#"{"id":"evt_3"}"#, "[1,]"].iter().enumerate() {
        let post = Post::new(&id.to_string()).body(*body);
        receiver.deliver(&post).await.is(400, "Malformed event");
    }
}

async fn e05_empty_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d").body("[]")).await.is(200, "");
    assert_eq!(work.report(), BatchReport::default());
}

async fn e06_one_event_fails(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    work.fails_once("evt_7");
    let post = Post::new("d").body(numbered(0..100));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    let failure = work.report().failures.remove(0);
    assert_eq!((failure.position, failure.event_id.as_deref()), (7, Some("evt_7")));
    assert_eq!((work.counts(), &*failure.reason), ((99, 0, 1), "no seat left"));

    receiver.deliver(&post).await.is(200, "");
    assert_eq!(work.counts(), (1, 99, 0));
    assert_eq!((work.runs_of("evt_7"), work.runs()), (2, 101));
}

async fn e06_one_event_panics(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    work.panics_once("evt_1");
    let post = Post::new("d").body(numbered(0..3));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert_eq!(work.report().failures[0].reason, "the handler panicked");
    receiver.deliver(&post).await.is(200, "");
    assert_eq!((work.runs_of("evt_1"), work.runs()), (2, 4));
}

/// The other events do not wait until somebody repairs it.
async fn e06_one_event_is_malformed(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let bad_data = event("evt_2").replace("\"fan_1\"", "34");
    let body = format!("[{},7,{bad_data},{}]", event("evt_0"), event("evt_3"));
    let post = Post::new("d").body(body);
    for done in [(2, 0, 2), (0, 2, 2)] {
        receiver.deliver(&post).await.is(500, "Batch incomplete");
        assert_eq!(work.counts(), done);
    }
    let failures = work.report().failures;
    assert_eq!((failures[0].position, &failures[0].event_id), (1, &None));
    assert_eq!((failures[1].position, failures[1].event_id.as_deref()), (2, Some("evt_2")));
    assert!(failures[1].reason.contains("`data.fan.id`"), "{}", failures[1].reason);
    assert_eq!((work.runs(), work.runs_of("evt_2")), (2, 0));
}

/// Copies of a batch that fails the first time, under ids of their own, again and again.
async fn e06_many_copies_at_once(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    work.fails_once("evt_7");
    for round in 0..100 {
        let copy = |n: i64| Post::new(&format!("{round}-{n}")).body(numbered(0..20)).age(n);
        let copies: Vec<_> = (0..10).map(copy).collect();
        let replies = copies.iter().map(|copy| receiver.deliver(copy));
        let replies = futures_util::future::join_all(replies).await;
        for reply in &replies {
            assert!([200, 500].contains(&reply.status), "{reply:?}");
        }
        if replies.iter().all(|reply| reply.status == 200) {
            assert_eq!((work.runs_of("evt_7"), work.runs()), (2, 21));
            return;
        }
    }
    panic!("never done");
}

async fn e07_completed_in_another_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("one").body(numbered(0..3))).await.is(200, "");
    // Spelt otherwise, it is the same event.
    let body = numbered(1..5).replace("\"type\"", "  \"type\"");
    receiver.deliver(&Post::new("two").body(body)).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((2, 2, 0), 5));
}

/// An event's id is signed, and need not look like a header's.
async fn e07_an_id_of_any_text(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let long = "x".repeat(1000);
    let ids = ["", "é", " ", r"\u0000", &long];
    receiver.deliver(&Post::new("one").body(batch(ids))).await.is(200, "");
    receiver.deliver(&Post::new("two").body(batch(ids).replace(',', ", "))).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((0, 5, 0), 5));
}

async fn e08_in_flight_in_another_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let gate = work.waits("evt_1");
    let mut first = receiver.start(&Post::new("one").body(numbered(0..2))).await;
    eventually("evt_1 is in flight", || work.runs_of("evt_1") == 1).await;
    let second = Post::new("two").body(numbered(1..4));
    receiver.deliver(&second).await.is(500, "Batch incomplete");
    assert_eq!(work.counts(), (2, 0, 1));
    let reason = work.report().failures.remove(0).reason;
    assert!(reason.starts_with("another attempt is in progress, and its lease"), "{reason}");
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&second).await.is(200, "");
    assert_eq!((work.counts(), work.runs()), ((0, 3, 0), 4));
}

async fn e08_the_same_event_twice_in_one_batch(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let gate = work.waits("evt_1");
    let post = Post::new("d").body(batch(["evt_1", "evt_1"]));
    let mut connection = receiver.start(&post).await;
    eventually("evt_1 is in flight", || work.runs_of("evt_1") == 1).await;
    gate.let_pass(1);
    connection.reply().await.is(500, "Batch incomplete");
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(work.runs(), 1);
}

/// A delivery id is not signed, and may be spelt like an event's id.
async fn event_ids_and_delivery_ids_are_separate(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("evt_1").body("[]")).await.is(200, "");
    receiver.deliver(&Post::new("d").body(batch(["evt_1", "d"]))).await.is(200, "");
    assert_eq!(work.runs(), 2);
}

/// It panics when it is called, not when its future is polled.
async fn e06_a_handler_panics_when_it_is_called(adapter: Adapter) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let setup = Receiver::on(adapter).batch_handler(move |batch: Batch| {
        let calls = Arc::clone(&counted);
        let on_event = move |_: Event| {
            assert!(calls.fetch_add(1, Ordering::SeqCst) != 1, "a handler's bug");
            async { Ok::<(), String>(()) }
        };
        async move {
            let report = batch.process(1, on_event).await;
            report.into_result().map(|()| StatusCode::OK)
        }
    });
    let receiver = setup.start().await;
    let post = Post::new("d").body(numbered(0..3));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

async fn e06_failures_are_reported_in_order(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    let gate = work.waits("evt_0");
    work.fails_once("evt_0");
    let body = format!("[{},7,8]", event("evt_0"));
    let mut connection = receiver.start(&Post::new("d").body(body)).await;
    eventually("evt_0 is in flight", || work.runs_of("evt_0") == 1).await;
    gate.let_pass(1);
    connection.reply().await.is(500, "Batch incomplete");
    let positions: Vec<_> = work.report().failures.iter().map(|f| f.position).collect();
    assert_eq!(positions, [0, 1, 2]);
    let rejection = work.report().into_result().expect_err("three failed");
    assert!(matches!(rejection, Rejection::BatchIncomplete { failed: 3, of: 3, .. }));
}

async fn e07_remembered_for_the_retention(adapter: Adapter) {
    let (setup, work) = Work::on(adapter);
    let receiver = setup.start().await;
    for (hours, runs) in [(0, 2), (23, 2), (2, 4)] {
        receiver.clock.advance(Duration::from_secs(hours * 3600));
        let post = Post::new(&format!("{hours}")).body(numbered(0..2));
        receiver.deliver(&post).await.is(200, "");
        assert_eq!(work.runs(), runs, "after another {hours} h");
    }
}

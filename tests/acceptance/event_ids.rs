//! Deliveries that are claimed by their event's id, if so configured.

use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use nevent_webhooks::{Batch, DedupeKey, DedupeOptions, Event, Rejection};

use crate::support::receiver::Setup;
use crate::support::{Adapter, Gate, Post, Receiver, eventually, rows};

rows!(
    resent_by_hand,
    resent_by_hand_while_in_flight,
    off_by_default,
    a_reused_delivery_id_is_no_conflict,
    a_delivery_keeps_its_own_id,
    alone_and_in_a_batch,
    a_body_without_an_event_id_is_claimed_by_delivery_id,
    a_failure_is_released,
    other_fields_make_no_difference,
    a_batch_processed_after_its_handler_claims_its_event,
);

fn by_event_id(adapter: Adapter) -> Setup {
    Receiver::on(adapter).options(DedupeOptions::new().dedupe_by(DedupeKey::EventId))
}

fn event(id: &str) -> String {
    format!(r#"{{"id":"{id}","type":"x.y","created":1,"data":{{}},"organization_id":"org_1"}}"#)
}

/// Another delivery of this event, signed anew.
fn again(id: &str, event_id: &str) -> Post {
    Post::new(id).body(event(event_id)).age(10)
}

async fn resent_by_hand(adapter: Adapter) {
    let receiver = by_event_id(adapter).start().await;
    receiver.deliver(&Post::new("one").body(event("evt_1"))).await.is(200, "");
    receiver.deliver(&again("two", "evt_1")).await.is(200, "Already processed");
    receiver.deliver(&again("three", "evt_2")).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}

async fn resent_by_hand_while_in_flight(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let receiver = setup.options(DedupeOptions::new().dedupe_by(DedupeKey::EventId)).start().await;
    let mut first = receiver.start(&Post::new("one").body(event("evt_1"))).await;
    eventually("it is in flight", || receiver.runs() == 1).await;
    receiver.deliver(&again("two", "evt_1")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&again("two", "evt_1")).await.is(200, "Already processed");
}

async fn off_by_default(adapter: Adapter) {
    let receiver = Receiver::on(adapter).start().await;
    receiver.deliver(&Post::new("one").body(event("evt_1"))).await.is(200, "");
    receiver.deliver(&again("two", "evt_1")).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}

/// The event's id is signed, so nobody can block another's.
async fn a_reused_delivery_id_is_no_conflict(adapter: Adapter) {
    let receiver = by_event_id(adapter).start().await;
    receiver.deliver(&Post::new("d").body(event("evt_1"))).await.is(200, "");
    receiver.deliver(&Post::new("d").body(event("evt_2"))).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}

async fn a_delivery_keeps_its_own_id(adapter: Adapter) {
    let fails = |_| async { StatusCode::INTERNAL_SERVER_ERROR };
    let receiver = by_event_id(adapter).handler(fails).start().await;
    receiver.deliver(&Post::new("one").body(event("evt_1"))).await.is(500, "");
    receiver.deliver(&Post::new("two").body(event("evt_1"))).await.is(500, "");
    let ids: Vec<_> = receiver.seen().iter().map(|d| d.id().to_string()).collect();
    assert_eq!(ids, ["one", "two"]);
}

/// A batch in the handler is not blocked by its own delivery's claim.
async fn alone_and_in_a_batch(adapter: Adapter) {
    async fn process(batch: Batch) -> Result<StatusCode, Rejection> {
        let on_event = |_: Event| async { Ok::<(), String>(()) };
        let report = batch.process(4, on_event).await;
        let status = if report.completed == 1 { StatusCode::CREATED } else { StatusCode::OK };
        report.into_result().map(|()| status)
    }
    let receiver = by_event_id(adapter).batch_handler(process).start().await;
    receiver.deliver(&Post::new("one").body(event("evt_1"))).await.is(201, "");
    let both = format!("[{},{}]", event("evt_1"), event("evt_2"));
    receiver.deliver(&Post::new("two").body(both)).await.is(201, "");
    receiver.deliver(&again("three", "evt_2")).await.is(200, "Already processed");
}

async fn a_body_without_an_event_id_is_claimed_by_delivery_id(adapter: Adapter) {
    let receiver = by_event_id(adapter).start().await;
    let no_data = r#"{"id":"b_1","type":"batch","events":[]}"#;
    for (number, body) in ["[]", no_data, "no JSON", r#"{"type":"x"}"#].iter().enumerate() {
        let post = Post::new(&number.to_string()).body(*body);
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post.clone().age(10)).await.is(200, "Already processed");
        let other = Post::new(&format!("{number} again")).body(*body).age(20);
        receiver.deliver(&other).await.is(200, "");
    }
    assert_eq!(receiver.runs(), 8);
}

async fn a_failure_is_released(adapter: Adapter) {
    let gate = Gate::closed();
    let inside = gate.clone();
    let fails_until_open = move |_| {
        let open = inside.passed() > 0;
        async move { if open { StatusCode::OK } else { StatusCode::BAD_GATEWAY } }
    };
    let receiver = by_event_id(adapter).handler(fails_until_open).start().await;
    receiver.deliver(&Post::new("one").body(event("evt_1"))).await.is(502, "");
    gate.let_pass(1);
    gate.pass().await;
    receiver.deliver(&again("two", "evt_1")).await.is(200, "");
    receiver.deliver(&Post::new("one").body(event("evt_1"))).await.is(200, "Already processed");
}

/// Undocumented fields, even when given twice, do not change the event's id.
async fn other_fields_make_no_difference(adapter: Adapter) {
    let receiver = by_event_id(adapter).start().await;
    let odd = event("evt_1").replacen('{', r#"{"events":1,"events":[],"x":2,"#, 1);
    receiver.deliver(&Post::new("one").body(odd)).await.is(200, "");
    receiver.deliver(&again("two", "evt_1")).await.is(200, "Already processed");
}

/// A handler should not process a batch after it has ended. If one does, its events are still
/// handled once.
async fn a_batch_processed_after_its_handler_claims_its_event(adapter: Adapter) {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let gate = Gate::closed();
    let (seen, inside) = (Arc::clone(&reports), gate.clone());
    let spawns = move |batch: Batch| {
        let (reports, gate) = (Arc::clone(&seen), inside.clone());
        async move {
            tokio::spawn(async move {
                gate.pass().await;
                let on_event = |_: Event| async { Ok::<(), String>(()) };
                let report = batch.process(1, on_event).await;
                reports.lock().expect("no panic while locked").push(report);
            });
            Ok(StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    let receiver = by_event_id(adapter).batch_handler(spawns).start().await;
    receiver.deliver(&Post::new("one").body(event("evt_1"))).await.is(500, "");
    receiver.deliver(&again("two", "evt_1")).await.is(500, "");
    gate.let_pass(2);
    let count = || reports.lock().expect("no panic while locked").len();
    eventually("both are processed", || count() == 2).await;
    let completed =
        reports.lock().expect("no panic while locked").iter().map(|r| r.completed).sum::<usize>();
    assert_eq!(completed, 1);
}

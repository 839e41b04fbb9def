//! What the sender is answered, and what is in the queue then.

use std::time::Duration;

use nevent_webhooks::queue::Envelope;
use nevent_webhooks::{DedupeKey, DedupeOptions, Incident};

use crate::receiver::{Receiver, Setup};
use crate::support::work::{batch, event};
use crate::support::{Adapter, Fault, Post, eventually, rows};
use crate::test_queue::Broker;

rows!(
    q01_a_delivery_is_put_and_completed,
    q02_the_queue_refuses,
    q02_the_queue_panics,
    q03_the_queue_does_not_confirm_in_time,
    q03_the_limit_is_below_the_response_deadline,
    q03_the_confirmation_is_lost,
    q04_the_process_dies_before_the_record,
    q05_each_event_of_a_batch_is_an_entry,
    q05_a_batch_that_was_put_in_part,
    q06_an_event_that_cannot_be_read,
    q06_a_body_that_is_no_event,
    q06_a_batch_with_unreadable_events,
    q06_a_retry_with_other_unreadable_events,
    q07_a_claim_that_is_no_longer_held,
    q07_a_completion_that_nobody_confirms,
    a_delivery_by_its_events_id,
    a_trace_context_travels_along,
    an_empty_batch_has_no_entry,
);

async fn q01_a_delivery_is_put_and_completed(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    let post = Post::new("d-1").body(event("evt_1")).event("another.type");
    receiver.deliver(&post).await.is(200, "");
    receiver.deliver(&post).await.is(200, "Already processed");
    let [entry] = &receiver.queue.entries()[..] else { panic!("one entry") };
    assert_eq!(entry.body(), event("evt_1").as_bytes());
    assert_eq!((entry.id().as_str(), entry.delivery_id().as_str()), ("evt_1", "d-1"));
    assert_eq!((entry.event_type(), entry.is_readable()), (Some("fan.created"), true));
    let now = nevent_webhooks::Clock::unix_seconds(&receiver.clock);
    assert_eq!((entry.received_at_millis() / 1000, entry.signed_at()), (now, Some(now)));
    assert_eq!((entry.scheme(), entry.position(), entry.tenant()), ("nevent", None, None));
}

async fn q02_the_queue_refuses(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.is_now(Broker::Refuses);
    receiver.deliver(&Post::new("d-1")).await.is(503, "Try again later");
    receiver.queue.is_now(Broker::Confirms);
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["evt_01234567890"]);
}

async fn q02_the_queue_panics(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.is_now(Broker::Panics);
    receiver.deliver(&Post::new("d-1")).await.is(500, "Internal server error");
    receiver.queue.is_now(Broker::Confirms);
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
}

async fn q03_the_queue_does_not_confirm_in_time(adapter: Adapter) {
    let change = |hand_over: nevent_webhooks::queue::HandOver<_>| {
        hand_over.put_timeout(Duration::from_millis(200))
    };
    let receiver = Setup { change, ..Setup::default() }.start(adapter).await;
    receiver.queue.is_now(Broker::Hangs);
    receiver.deliver(&Post::new("d-1")).await.is(503, "Try again later");
    receiver.queue.is_now(Broker::Confirms);
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    assert_eq!(receiver.queue.entries().len(), 2, "a copy of each attempt");
    assert_eq!(receiver.dedupe.incidents(Incident::MovedToBackground), 0);
}

/// The sender is not told `Still processing`: its retry has to put the delivery.
async fn q03_the_limit_is_below_the_response_deadline(adapter: Adapter) {
    let options = DedupeOptions::new().response_deadline(Duration::from_secs(4));
    let receiver = Setup { options, ..Setup::default() }.start(adapter).await;
    receiver.queue.is_now(Broker::Hangs);
    receiver.deliver(&Post::new("d-1")).await.is(503, "Try again later");
    assert_eq!(receiver.dedupe.incidents(Incident::MovedToBackground), 0);
}

async fn q03_the_confirmation_is_lost(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.is_now(Broker::LosesItsAnswer);
    receiver.deliver(&Post::new("d-1")).await.is(503, "Try again later");
    receiver.queue.is_now(Broker::Confirms);
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["evt_01234567890"; 2]);
}

/// Nothing of the completion reaches the store, as after a crash. The sender had no answer and retries
/// when the lease has expired.
async fn q04_the_process_dies_before_the_record(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.store.fail_finalizations(Fault::Down);
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    receiver.clock.advance(Duration::from_secs(31));
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["evt_01234567890"; 2]);
    receiver.store.fail_finalizations(None);
}

async fn q05_each_event_of_a_batch_is_an_entry(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    let post = Post::new("d-1").body(batch(["evt_1", "evt_2", "evt_3"]));
    receiver.deliver(&post).await.is(200, "");
    receiver.deliver(&post).await.is(200, "Already processed");
    assert_eq!(receiver.queue.ids(), ["evt_1", "evt_2", "evt_3"]);
    for entry in receiver.queue.entries() {
        assert_eq!(entry.body(), event(entry.id().as_str()).as_bytes());
        let id = format!("evt_{}", entry.position().expect("of a batch") + 1);
        assert_eq!((entry.id().as_str(), entry.delivery_id().as_str()), (&*id, "d-1"));
    }
    let post = Post::new("d-2").body(batch(["evt_3", "evt_4"]));
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["evt_1", "evt_2", "evt_3", "evt_4"]);
}

async fn q05_a_batch_that_was_put_in_part(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.refuses_once("evt_2");
    let post = Post::new("d-1").body(batch(["evt_1", "evt_2", "evt_3"]));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert_eq!(receiver.queue.ids(), ["evt_1", "evt_3"]);
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["evt_1", "evt_2", "evt_3"]);
}

async fn q06_an_event_that_cannot_be_read(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    let body = r#"{"id":"evt_1","type":"fan.created","created":"today","data":{}}"#;
    receiver.deliver(&Post::new("d-1").body(body)).await.is(200, "");
    let [entry] = &receiver.queue.entries()[..] else { panic!("one entry") };
    assert_eq!((entry.id().as_str(), entry.dedupe_key()), ("d-1", DedupeKey::DeliveryId));
    assert_eq!((entry.is_readable(), entry.event_type()), (false, None));
    assert_eq!(entry.body(), body.as_bytes());
}

async fn q06_a_body_that_is_no_event(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    for (id, body) in [("d-1", &b""[..]), ("d-2", b"\xff\0\n"), ("d-3", b"7"), ("d-4", b"[1")] {
        receiver.deliver(&Post::new(id).body(body)).await.is(200, "");
        let entry = receiver.queue.entries().pop().expect("an entry");
        assert_eq!((entry.id().as_str(), entry.is_readable()), (id, false));
        assert_eq!(entry.body(), body);
    }
}

/// Those are put once, although the batch is sent again for another event.
async fn q06_a_batch_with_unreadable_events(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.refuses_once("evt_1");
    let post = Post::new("d-1").body(format!(r#"[7,{},{{"a":"\ud83c"}},7]"#, event("evt_1")));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["d-1", "d-1", "d-1", "evt_1"]);
    let mut odd: Vec<_> = receiver.queue.entries();
    odd.retain(|entry| !entry.is_readable());
    odd.sort_by_key(Envelope::position);
    let bodies = odd.iter().map(|entry| (entry.position(), entry.body().as_ref()));
    let as_sent: [(_, &[u8]); 3] =
        [(Some(0), b"7"), (Some(2), br#"{"a":"\ud83c"}"#), (Some(3), b"7")];
    assert!(bodies.eq(as_sent));
}

/// The sender may write the same batch otherwise when it sends it again.
async fn q06_a_retry_with_other_unreadable_events(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.refuses_once("evt_1");
    let post = |odd| Post::new("d-1").body(format!("[{odd},{}]", event("evt_1")));
    receiver.deliver(&post(7)).await.is(500, "Batch incomplete");
    receiver.deliver(&post(8)).await.is(200, "");
    let entries = receiver.queue.entries();
    let bodies: Vec<_> = entries.iter().map(|entry| entry.body().as_ref()).collect();
    assert_eq!(bodies[..2], [&b"7"[..], b"8"]);
    assert_eq!(bodies.len(), 3);
}

async fn q07_a_claim_that_is_no_longer_held(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.is_now(Broker::FindsTheClaimLost);
    receiver.deliver(&Post::new("d-1")).await.is(409, "Delivery in progress");
    assert!(receiver.queue.entries().is_empty());
}

/// The queue says that the delivery is completed, and the store does not.
async fn q07_a_completion_that_nobody_confirms(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.is_now(Broker::FindsTheClaimCompleted);
    let post = Post::new("d-1").body(batch(["evt_1"]));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    receiver.deliver(&Post::new("d-2")).await.is(500, "Not committed");
}

async fn a_delivery_by_its_events_id(adapter: Adapter) {
    let options = DedupeOptions::new().dedupe_by(DedupeKey::EventId);
    let receiver = Setup { options, ..Setup::default() }.start(adapter).await;
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    receiver.deliver(&Post::new("d-2")).await.is(200, "Already processed");
    let post = Post::new("d-3").body(batch(["evt_1", "evt_2"]));
    receiver.deliver(&post).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["evt_01234567890", "evt_1", "evt_2"]);
}

async fn a_trace_context_travels_along(adapter: Adapter) {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let receiver = Receiver::on(adapter).await;
    let post = Post::new("d-1").header("traceparent", PARENT);
    let post = post.header("tracestate", "a=1").header("tracestate", "b=2");
    receiver.deliver(&post.body(batch(["evt_1"]))).await.is(200, "");
    receiver.deliver(&Post::new("d-2").header("traceparent", "\u{e4}")).await.is(200, "");
    let [traced, untraced] = &receiver.queue.entries()[..] else { panic!("two entries") };
    assert_eq!((traced.traceparent(), traced.tracestate()), (Some(PARENT), Some("a=1,b=2")));
    assert_eq!((untraced.traceparent(), untraced.tracestate()), (None, None));
}

async fn an_empty_batch_has_no_entry(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.deliver(&Post::new("d-1").body("[]")).await.is(200, "");
    assert!(receiver.queue.entries().is_empty());
    let idle = || receiver.dedupe.incidents(Incident::FinalizeFailed) == 0;
    eventually("nothing is left", idle).await;
}

//! The bridge to a queue: puts, and attempts of a consumer.

use std::time::Duration;

use nevent_webhooks::queue::{Envelope, HandOver, Once};
use nevent_webhooks::store::MemoryStore;

use crate::counted::Counted;
use crate::receiver::{Receiver, Setup};
use crate::support::{Adapter, Post, rows};
use crate::test_queue::{Broker, TestQueue};

rows!(a_put_counts_by_its_result);

/// The queue is named by the hand-over's option.
fn named(hand_over: HandOver<TestQueue>) -> HandOver<TestQueue> {
    hand_over.name("jobs").put_timeout(Duration::from_millis(200))
}

async fn a_put_counts_by_its_result(adapter: Adapter) {
    let mut counted = Counted::new();
    let scope = counted.scope().to_owned();
    let receiver = Setup { scope, change: named, ..Setup::default() }.start(adapter).await;
    for (broker, result, reason) in [
        (Broker::Refuses, "failed", "queue_unavailable"),
        (Broker::Hangs, "timed_out", "queue_unavailable"),
        (Broker::FindsTheClaimLost, "not_completed", "delivery_in_progress"),
    ] {
        receiver.queue.is_now(broker);
        assert!(receiver.deliver(&Post::new("d")).await.status >= 400);
        let put = format!("handover_duration_seconds jobs {result}");
        let failed = [
            "deliveries_total nevent claimed",
            "deliveries_total nevent handler_failed",
            "events_total purchase.completed handler_failed",
            "handler_duration_seconds handler_failed",
            "store_duration_seconds claim ok",
            "store_duration_seconds release ok",
        ];
        counted.moved(&[&failed, &[&put, &format!("rejections_total {reason}")]]).await;
    }
    receiver.queue.is_now(Broker::Confirms);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    let confirmed = [
        "deliveries_total nevent claimed",
        "deliveries_total nevent handler_succeeded",
        "events_total purchase.completed handler_succeeded",
        "handler_duration_seconds handler_succeeded",
        "handover_duration_seconds jobs confirmed",
        "store_duration_seconds claim ok",
        "store_duration_seconds complete ok",
    ];
    counted.moved(&[&confirmed]).await;
}

/// A consumer counts attempts, not deliveries and events: the receiver has counted those.
#[tokio::test]
async fn an_attempt_counts_by_its_result() {
    let receiver = Receiver::on(Adapter::Axum).await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    let entry = receiver.queue.entries().pop().expect("an entry");
    let mut counted = Counted::new();
    let once = Once::new(counted.scope(), MemoryStore::new()).expect("a scope");
    let attempt = async |fails: bool| {
        let handler = move |_: Envelope, _| async move { if fails { Err("down") } else { Ok(()) } };
        once.event(&entry, handler).await
    };
    assert!(!attempt(true).await.is_done());
    let failed = [
        "attempts_total failed",
        "entry_age_seconds",
        "handler_duration_seconds handler_failed",
        "store_duration_seconds claim ok",
        "store_duration_seconds release ok",
    ];
    counted.moved(&[&failed]).await;
    assert_eq!(counted.value("attempts_total refused"), Some(0));
    assert!(attempt(false).await.is_done());
    let done = [
        "attempts_total done",
        "entry_age_seconds",
        "handler_duration_seconds handler_succeeded",
        "store_duration_seconds claim ok",
        "store_duration_seconds complete ok",
    ];
    counted.moved(&[&done]).await;
    assert!(attempt(false).await.is_done());
    let repeat =
        ["attempts_total already_done", "entry_age_seconds", "store_duration_seconds claim ok"];
    counted.moved(&[&repeat]).await;
}

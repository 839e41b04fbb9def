//! The receiver while the broker takes nothing.

use std::sync::atomic::{AtomicU32, Ordering};

use lapin::options::QueueDeleteOptions;

use crate::broker::Broker;
use crate::engine::{channel, sender};
use crate::support::eventually;
use crate::support::sender::{Sender, Sent, event_json};

async fn is_answered_503(sender: &Sender) {
    let (status, text) = sender.attempt("single-2", &event_json("evt_single_2")).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
}

#[tokio::test]
async fn a_message_that_no_queue_takes_is_a_failure_and_the_queue_is_declared_again() {
    let broker = Broker::shared().await;
    let sender = sender(&broker.options("deleted")).await;
    sender.deliver(&Sent::single(1)).await;
    let channel = channel(&broker).await;
    let deleted = channel.queue_delete("deleted".into(), QueueDeleteOptions::default()).await;
    assert_eq!(deleted.expect("a queue"), 1);

    // RabbitMQ acknowledges it, and returns it.
    is_answered_503(&sender).await;
    sender.deliver(&Sent::single(2)).await;
}

#[tokio::test]
async fn a_full_queue_and_a_full_memory_are_failures() {
    let broker = Broker::start().await;
    let sender = sender(&broker.options("full")).await;
    broker.ctl(&["set_policy", "full", "^full$", r#"{"max-length":1}"#, "--apply-to", "queues"]);
    is_refused_at_last(&sender, 0).await;
    broker.ctl(&["clear_policy", "full"]);
    sender.deliver(&Sent::single(1_000)).await;

    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    is_refused_at_last(&sender, 2_000).await;
    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    sender.deliver(&Sent::single(3_000)).await;
}

/// A limit is soft: the broker takes some more messages at first.
async fn is_refused_at_last(sender: &Sender, first: u32) {
    let number = AtomicU32::new(first);
    eventually("a delivery is refused", async || {
        let Sent { id, body, .. } = Sent::single(number.fetch_add(1, Ordering::Relaxed));
        sender.attempt(&id, &body).await.0 == 503
    })
    .await;
}

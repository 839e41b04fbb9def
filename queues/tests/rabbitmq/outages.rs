//! The receiver while the broker takes nothing.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::rabbitmq::RabbitMqDeadLetters;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::engine::{Work, channel, sender};
use crate::support::sender::{Sender, Sent, event_json};
use crate::support::{PATIENCE, eventually};

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

/// The broker answers nothing on a connection that publishes.
#[tokio::test]
async fn a_full_memory_does_not_hold_up_a_tool() {
    let broker = Broker::start().await;
    let options = broker.options("tool").timeout(Duration::from_secs(2));
    let sender = sender(&options).await;
    let work = Work::start(&options, |_| false).await;
    for id in ["no-event-1", "no-event-2"] {
        // The same body would be a replay.
        sender.until_accepted(id, id).await;
    }
    let dead = RabbitMqDeadLetters::connect(&options).await.expect("a broker");
    let is_listed = async || dead.list(9).await.is_ok_and(|letters| letters.len() == 2);
    eventually("both are dead", &is_listed).await;
    work.stop().await;

    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    for _ in 0..2 {
        let replayed = timeout(PATIENCE, dead.replay(Select::All)).await;
        replayed.expect("in time").expect_err("a broker that accepts nothing");
        let listed = timeout(PATIENCE, dead.list(9)).await;
        listed.expect("in time").expect_err("a broker that answers nothing");
    }
    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    // What was published in the meantime may be accepted now, as a second copy.
    eventually("they are back", &is_listed).await;
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

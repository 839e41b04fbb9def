//! The moves of entries into retry queues, when something is in the way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::options::QueueDeleteOptions;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::rabbitmq::RabbitMqOptions;
use tokio::time::timeout;

use crate::broker::Broker;
use crate::engine::{Dead, Work, channel, sender};
use crate::support::sender::Sent;
use crate::support::{PATIENCE, eventually};

fn quick(broker: &Broker, queue: &str) -> RabbitMqOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options(queue).retry(retry).timeout(Duration::from_secs(2))
}

/// The broker blocks a connection that publishes. It would not read the acknowledgements there.
#[tokio::test]
async fn the_queue_drains_while_the_memory_is_full() {
    let broker = Broker::start().await;
    let options = quick(&broker, "drains").concurrency(2);
    let sender = sender(&options).await;
    for number in 0..11 {
        sender.deliver(&Sent::single(number)).await;
    }
    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    let is_first = AtomicBool::new(true);
    let work = Work::start(&options, move |_| is_first.swap(false, Ordering::Relaxed)).await;
    eventually("all are handled", async || work.count() >= 11).await;
    assert_eq!(work.count(), 11, "the one that failed waits, and its handler does not run again");
    timeout(PATIENCE, work.stop()).await.expect("it stops");

    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
    let work = Work::start(&options, |_| false).await;
    eventually("the one that failed is handled", async || work.count() >= 1).await;
    work.stop().await;
}

#[tokio::test]
async fn a_retry_queue_that_was_deleted_is_declared_again() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "moved");
    // Before the queue is deleted, because each of them declares it.
    let sender = sender(&options).await;
    let dead = Dead::of(&options).await;
    let work = Work::start(&options, |_| true).await;
    let channel = channel(&broker).await;
    let queue = "moved.retry.50".into();
    channel.queue_delete(queue, QueueDeleteOptions::default()).await.expect("a queue");

    sender.deliver(&Sent::single(1)).await;
    eventually("both attempts", async || work.count() >= 2).await;
    dead.are(1).await;
    assert_eq!(work.count(), 2);
    assert_eq!(dead.list().await[0].reason(), "failed");
    work.stop().await;
}

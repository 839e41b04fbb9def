//! What becomes a dead letter by the broker's own hand, and what ends it.

use std::time::Duration;

use lapin::options::BasicGetOptions;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::rabbitmq::RabbitMqOptions;

use crate::broker::Broker;
use crate::engine::{Dead, Work, channel, sender};
use crate::support::eventually;
use crate::support::sender::Sent;

fn quick(broker: &Broker, queue: &str) -> RabbitMqOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options(queue).retry(retry)
}

#[tokio::test]
async fn an_entry_that_kills_its_workers_is_a_dead_letter() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "killer").delivery_limit(1);
    let sender = sender(&options).await;
    sender.deliver(&Sent::single(1)).await;
    for _ in 0..2 {
        let channel = channel(&broker).await;
        eventually("it is delivered", async || {
            let got = channel.basic_get("killer".into(), BasicGetOptions::default()).await;
            got.expect("a broker").is_some()
        })
        .await;
        // The worker's end.
        channel.close(200, "OK".into()).await.expect("a broker");
    }
    let dead = Dead::of(&options).await;
    dead.are(1).await;
    let letters = dead.list().await;
    assert_eq!(letters[0].reason(), "worker_vanished");
    assert_eq!((letters[0].id(), letters[0].attempts()), ("evt_single_1", 0));
}

#[tokio::test]
async fn dead_letters_expire() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "expired").dead_letters_for(Duration::from_millis(300));
    let sender = sender(&options).await;
    assert_eq!(sender.attempt("no-event", "not JSON").await.0, 200);
    let work = Work::start(&options, |_| false).await;
    let dead = Dead::of(&options).await;
    eventually("it is taken", async || {
        let channel = channel(&broker).await;
        let got = channel.basic_get("expired".into(), BasicGetOptions::default()).await;
        got.expect("a broker").is_none()
    })
    .await;
    eventually("it is gone", async || dead.list().await.is_empty()).await;
    work.stop().await;
}

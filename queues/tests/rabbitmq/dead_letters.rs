//! What becomes a dead letter by the broker's own hand, and what ends it.

use std::time::Duration;

use lapin::options::BasicGetOptions;
use nevent_webhooks_queues::rabbitmq::{RabbitMqDeadLetters, RabbitMqError, RabbitMqOptions};
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select};

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

#[tokio::test]
async fn a_dead_letter_that_no_longer_fits_does_not_hold_up_the_others() {
    let broker = Broker::start().await;
    let options = quick(&broker, "fits").retry(RetryPolicy::new().attempts(1));
    let sender = sender(&options).await;
    let mut large = Sent::single(1);
    large.body = large.body.replace("{}", &format!(r#"{{"x":"{}"}}"#, "a".repeat(5_000)));
    for sent in [large, Sent::single(2), Sent::single(3)] {
        sender.deliver(&sent).await;
    }
    let work = Work::start(&options.clone().concurrency(1), |_| true).await;
    Dead::of(&options).await.are(3).await;
    work.stop().await;

    // A channel has the limit of the time when it was opened.
    let limit = |bytes: u32| format!("application:set_env(rabbit, max_message_size, {bytes}).");
    broker.ctl(&["eval", &limit(4_096)]);
    let replay = async || {
        let dead = RabbitMqDeadLetters::connect(&options).await.expect("a broker");
        dead.replay(Select::All).await
    };
    let refused = replay().await.expect_err("one that is too large");
    assert!(matches!(refused, RabbitMqError::TooLarge(_)), "{refused}");
    let left = Dead::of(&options).await.list().await;
    assert_eq!(left.iter().map(DeadLetter::id).collect::<Vec<_>>(), ["evt_single_1"]);

    broker.ctl(&["eval", &limit(1_000_000)]);
    assert_eq!(replay().await.expect("it fits"), 1);
}

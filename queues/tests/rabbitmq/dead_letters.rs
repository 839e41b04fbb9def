//! Dead letters: what becomes one, and how it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::options::{BasicGetOptions, BasicPublishOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use nevent_webhooks_queues::rabbitmq::{RabbitMqDeadLetters, RabbitMqOptions};
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select};

use crate::broker::Broker;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

async fn dead_letters(options: &RabbitMqOptions, expected: usize) -> RabbitMqDeadLetters {
    let dead = RabbitMqDeadLetters::connect(options).await.expect("a broker");
    eventually("the dead letters", async || list(&dead).await.len() == expected).await;
    dead
}

async fn list(dead: &RabbitMqDeadLetters) -> Vec<DeadLetter> {
    dead.list(100).await.expect("a broker")
}

async fn channel(broker: &Broker) -> Channel {
    let connection = Connection::connect(&broker.url(), ConnectionProperties::default()).await;
    connection.expect("a broker").create_channel().await.expect("a channel")
}

fn quick(broker: &Broker, queue: &str) -> RabbitMqOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options(queue).retry(retry)
}

#[tokio::test]
async fn an_entry_that_fails_at_every_attempt_can_be_replayed() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "dead");
    let sender = sender(&options).await;
    for number in 1..=3 {
        sender.deliver(&Sent::single(number)).await;
    }
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let work = Work::start(&options, move |_| !is_mended.load(Ordering::Relaxed)).await;
    let dead = dead_letters(&options, 3).await;
    for letter in list(&dead).await {
        assert_eq!((letter.reason(), letter.attempts()), ("failed", 2));
        assert_eq!(letter.event_type(), Some("fan.created"));
    }
    assert_eq!(work.count(), 6);

    // Replayed too early, it has all its attempts again.
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a broker"), 1);
    eventually("two more attempts", async || work.count() == 8).await;
    eventually("it is back", async || list(&dead).await.len() == 3).await;

    mended.store(true, Ordering::Relaxed);
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a broker"), 1);
    assert_eq!(dead.replay(Select::Type("ticket.sold")).await.expect("a broker"), 0);
    assert_eq!(list(&dead).await.len(), 2);
    assert_eq!(dead.replay(Select::Type("fan.created")).await.expect("a broker"), 2);
    eventually("all are handled", async || work.count() == 11).await;
    assert!(list(&dead).await.is_empty());
    work.stop().await;
}

#[tokio::test]
async fn what_is_no_event_is_parked_as_it_came() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "parked");
    let sender = sender(&options).await;
    assert_eq!(sender.attempt("no-event", "not JSON").await.0, 200);
    let work = Work::start(&options, |_| false).await;
    let (routing, persistent) = ("parked".into(), BasicProperties::default().with_delivery_mode(2));
    let foreign = persistent.with_message_id("foreign".into());
    let published = channel(&broker).await;
    published
        .basic_publish("".into(), routing, BasicPublishOptions::default(), b"?", foreign)
        .await
        .expect("a broker");

    let dead = dead_letters(&options, 2).await;
    let mut letters = list(&dead).await;
    letters.sort_by_key(|letter| letter.id() == "foreign");
    let reasons: Vec<_> = letters.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, ["not_an_event", "unreadable"]);
    let envelope = letters[0].envelope().expect("an envelope");
    assert_eq!(&envelope.body()[..], b"not JSON");
    assert_eq!(work.count(), 0);

    assert_eq!(dead.delete(Select::Id("foreign")).await.expect("a broker"), 1);
    assert_eq!(dead.replay(Select::All).await.expect("a broker"), 1);
    eventually("it is parked again", async || list(&dead).await.len() == 1).await;
    assert_eq!(dead.delete(Select::All).await.expect("a broker"), 1);
    assert!(list(&dead).await.is_empty());
    work.stop().await;
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
    let dead = dead_letters(&options, 1).await;
    let letters = list(&dead).await;
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
    let dead = RabbitMqDeadLetters::connect(&options).await.expect("a broker");
    eventually("it is taken", async || {
        let channel = channel(&broker).await;
        let got = channel.basic_get("expired".into(), BasicGetOptions::default()).await;
        got.expect("a broker").is_none()
    })
    .await;
    eventually("it is gone", async || list(&dead).await.is_empty()).await;
    work.stop().await;
}

/// A tool may run in a task of its own.
#[tokio::test]
async fn the_futures_can_be_spawned() {
    let broker = Broker::shared().await;
    let dead = RabbitMqDeadLetters::connect(&broker.options("spawned")).await.expect("a broker");
    let all = tokio::spawn(async move {
        let listed = dead.list(1).await.expect("a broker").len();
        let replayed = dead.replay(Select::All).await.expect("a broker");
        listed + replayed + dead.delete(Select::All).await.expect("a broker")
    });
    assert_eq!(all.await.expect("no panic"), 0);
}

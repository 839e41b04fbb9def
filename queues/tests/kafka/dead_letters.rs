//! Dead letters: what becomes one, and how it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::kafka::{KafkaDeadLetters, KafkaOptions};
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select, WorkerIncident};

use crate::broker::{Broker, publish};
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

async fn dead_letters(options: &KafkaOptions, expected: usize) -> KafkaDeadLetters {
    let dead = KafkaDeadLetters::connect(options).await.expect("a broker");
    eventually("the dead letters", async || list(&dead).await.len() == expected).await;
    dead
}

async fn list(dead: &KafkaDeadLetters) -> Vec<DeadLetter> {
    dead.list(100).await.expect("a broker")
}

fn quick(broker: &Broker, topic: &str) -> KafkaOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options(topic).retry(retry)
}

#[tokio::test]
async fn an_entry_that_fails_at_every_attempt_can_be_replayed() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "dead-letters");
    let sender = sender(&options).await;
    let before = SystemTime::now();
    for number in 1..=3 {
        sender.deliver(&Sent::single(number)).await;
    }
    let after = SystemTime::now() + Duration::from_millis(1);
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let work = Work::start(&options, move |_| !is_mended.load(Ordering::Relaxed)).await;
    let dead = dead_letters(&options, 3).await;
    for letter in list(&dead).await {
        assert_eq!((letter.reason(), letter.attempts()), ("failed", 2));
        assert_eq!(letter.event_type(), Some("fan.created"));
    }
    assert_eq!(work.count(), 6);
    assert_eq!(dead.list(2).await.expect("a broker").len(), 2);

    // Replayed too early, it has all its attempts again.
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a broker"), 1);
    eventually("two more attempts", async || work.count() == 8).await;
    eventually("it is back", async || list(&dead).await.len() == 3).await;

    mended.store(true, Ordering::Relaxed);
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a broker"), 1);
    assert_eq!(dead.replay(Select::Type("ticket.sold")).await.expect("a broker"), 0);
    let earlier = Select::ReceivedBetween(SystemTime::UNIX_EPOCH, before);
    assert_eq!(dead.replay(earlier).await.expect("a broker"), 0);
    assert_eq!(list(&dead).await.len(), 2);
    let then = Select::ReceivedBetween(before - Duration::from_millis(1), after);
    assert_eq!(dead.replay(then).await.expect("a broker"), 2);
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
    publish(&broker.address(), "parked", None, b"?").await;

    let dead = dead_letters(&options, 2).await;
    let mut letters = list(&dead).await;
    letters.sort_by_key(|letter| letter.unreadable().is_some());
    let reasons: Vec<_> = letters.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, ["not_an_event", "unreadable"]);
    let envelope = letters[0].envelope().expect("an envelope");
    assert_eq!(&envelope.body()[..], b"not JSON");
    assert_eq!(letters[1].unreadable(), Some(&b"?"[..]));
    assert_eq!(work.count(), 0);

    assert_eq!(dead.delete(Select::Id(letters[1].id())).await.expect("a broker"), 1);
    assert_eq!(dead.replay(Select::All).await.expect("a broker"), 1);
    eventually("it is parked again", async || list(&dead).await.len() == 1).await;
    assert_eq!(dead.delete(Select::All).await.expect("a broker"), 1);
    assert!(list(&dead).await.is_empty());
    work.stop().await;
}

#[tokio::test]
async fn an_observer_that_panics_strands_no_entry() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "panics");
    sender(&options).await.deliver(&Sent::single(1)).await;
    let observer = |happened: &WorkerIncident<'_>| panic!("{happened:?}");
    let work = Work::with(&options, MemoryStore::new(), observer, |_| true).await;
    dead_letters(&options, 1).await;
    assert_eq!(work.count(), 2);
    work.stop().await;
}

//! Dead letters: what becomes one, and how it is replayed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use nevent_webhooks_queues::nats::{NatsDeadLetters, NatsOptions};
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select};

use crate::broker::Broker;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

async fn dead_letters(options: &NatsOptions, expected: usize) -> NatsDeadLetters {
    let dead = NatsDeadLetters::connect(options).await.expect("a broker");
    eventually("the dead letters", async || list(&dead).await.len() == expected).await;
    dead
}

async fn list(dead: &NatsDeadLetters) -> Vec<DeadLetter> {
    dead.list(100).await.expect("a broker")
}

async fn replay(dead: &NatsDeadLetters, select: Select<'_>) -> usize {
    dead.replay(select).await.expect("a broker")
}

fn quick(broker: &Broker, queue: &str) -> NatsOptions {
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
    eventually("they are moved", async || broker.messages("dead").await == 0).await;
    assert_eq!(dead.list(2).await.expect("a broker").len(), 2);

    // Replayed too early, it has all its attempts again.
    assert_eq!(replay(&dead, Select::Id("evt_single_2")).await, 1);
    eventually("two more attempts", async || work.count() == 8).await;
    eventually("it is back", async || list(&dead).await.len() == 3).await;

    mended.store(true, Ordering::Relaxed);
    assert_eq!(replay(&dead, Select::Id("evt_single_2")).await, 1);
    assert_eq!(replay(&dead, Select::Type("ticket.sold")).await, 0);
    let now = SystemTime::now();
    let hour = Duration::from_secs(3_600);
    assert_eq!(replay(&dead, Select::ReceivedBetween(now - 2 * hour, now - hour)).await, 0);
    assert_eq!(list(&dead).await.len(), 2);
    assert_eq!(dead.delete(Select::Id("evt_single_3")).await.expect("a broker"), 1);
    assert_eq!(replay(&dead, Select::ReceivedBetween(now - hour, now + hour)).await, 1);
    eventually("the others are handled", async || work.count() == 10).await;
    assert!(list(&dead).await.is_empty());
    work.stop().await;
}

/// A server that remembered the ids of events would swallow it.
#[tokio::test]
async fn an_event_can_be_sent_again_after_its_dead_letter_was_deleted() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "again");
    let work = Work::start(&options, |attempt| attempt <= 2).await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    let dead = dead_letters(&options, 1).await;
    assert_eq!(dead.delete(Select::All).await.expect("a broker"), 1);
    // Another receiver, which does not remember the event.
    sender(&options).await.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 3).await;
    work.stop().await;
}

#[tokio::test]
async fn what_is_no_event_is_parked_as_it_came() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "parked");
    let sender = sender(&options).await;
    assert_eq!(sender.attempt("no-event", "not JSON").await.0, 200);
    let work = Work::start(&options, |_| false).await;
    let context = broker.context().await;
    let foreign = context.publish("parked", "?".into()).await.expect("a broker");
    let sequence = foreign.await.expect("a stream").sequence.to_string();

    let dead = dead_letters(&options, 2).await;
    let mut letters = list(&dead).await;
    letters.sort_by_key(|letter| letter.id() == sequence);
    let reasons: Vec<_> = letters.iter().map(DeadLetter::reason).collect();
    assert_eq!(reasons, ["not_an_event", "unreadable"]);
    assert_eq!(letters[1].unreadable(), Some(&b"?"[..]));
    let envelope = letters[0].envelope().expect("an envelope");
    assert_eq!(&envelope.body()[..], b"not JSON");
    assert_eq!(work.count(), 0);

    assert_eq!(dead.delete(Select::Id(&sequence)).await.expect("a broker"), 1);
    assert_eq!(replay(&dead, Select::All).await, 1);
    eventually("it is parked again", async || list(&dead).await.len() == 1).await;
    assert_eq!(dead.delete(Select::All).await.expect("a broker"), 1);
    assert!(list(&dead).await.is_empty());
    work.stop().await;
}

#[tokio::test]
async fn dead_letters_expire() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "expired").dead_letters_for(Duration::from_secs(1));
    let sender = sender(&options).await;
    assert_eq!(sender.attempt("no-event", "not JSON").await.0, 200);
    let work = Work::start(&options, |_| false).await;
    eventually("it is taken", async || broker.messages("expired").await == 0).await;
    let stream = broker.context().await.get_stream("expired-dead").await.expect("a stream");
    assert_eq!(stream.cached_info().state.last_sequence, 1, "it was a dead letter");
    eventually("it is gone", async || broker.messages("expired-dead").await == 0).await;
    work.stop().await;
}

#[tokio::test]
async fn an_observer_that_panics_strands_no_entry() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "panics");
    sender(&options).await.deliver(&Sent::single(1)).await;
    let store = nevent_webhooks::store::MemoryStore::new();
    let work = Work::with(&options, store, |happened| panic!("{happened:?}"), |_| true).await;
    dead_letters(&options, 1).await;
    assert_eq!(work.count(), 2);
    work.stop().await;
}

#[tokio::test]
async fn a_handler_that_panics_fails() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "bugs");
    sender(&options).await.deliver(&Sent::single(1)).await;
    let work = Work::start(&options, |attempt| panic!("a bug, at attempt {attempt}")).await;
    let dead = dead_letters(&options, 1).await;
    assert_eq!(list(&dead).await[0].reason(), "panicked");
    work.stop().await;
}

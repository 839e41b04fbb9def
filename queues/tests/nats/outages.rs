//! The receiver and the worker while the server is away, or takes nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::jetstream::stream::DiscardPolicy;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue};
use nevent_webhooks_queues::{RetryPolicy, Select, WorkerIncident};

use crate::broker::Broker;
use crate::engine::{Dead, Work, sender};
use crate::support::eventually;
use crate::support::sender::{Sender, Sent, event_json};

const LATER: (u16, &str) = (503, "Try again later");

async fn is_answered_503(sender: &Sender) {
    let (status, text) = sender.attempt("single-2", &event_json("evt_single_2")).await;
    assert_eq!((status, text.as_str()), LATER);
}

#[tokio::test]
async fn a_queue_tells_whether_it_is_connected() {
    let broker = Broker::start().await;
    let options = broker.options("tickets");
    let queue = NatsQueue::connect(&options).await.expect("a server");
    assert!(queue.is_connected());
    broker.kill();
    eventually("the queue notices", async || !queue.is_connected()).await;
    broker.up().await;
    eventually("it is connected again", async || queue.is_connected()).await;
}

/// A kill would do for the delay, but can make the server forget the acknowledgement of the last moment.
#[tokio::test]
async fn entries_and_delays_survive_a_restart_of_the_server() {
    let broker = Broker::start().await;
    let retry = RetryPolicy::new().first(Duration::from_secs(5)).attempts(2);
    let options = broker.options("tickets").retry(retry);
    let sender = sender(&options).await;
    let waits = Arc::new(AtomicBool::new(false));
    let is_waiting = Arc::clone(&waits);
    let observer = move |_: &WorkerIncident<'_>| is_waiting.store(true, Ordering::Relaxed);
    let work = Work::with(&options, MemoryStore::new(), observer, |attempt| attempt == 1).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("it waits", async || waits.load(Ordering::Relaxed)).await;
    broker.stop();
    broker.up().await;
    sender.deliver(&Sent::single(2)).await;
    eventually("both are handled", async || work.count() == 4).await;
    let seen = work.seen.lock().expect("no panic").clone();
    let times: Vec<_> = seen.iter().filter(|(id, _)| id == "evt_single_1").collect();
    // The server has written the time in seconds, and a second is allowed for the clocks of the workers.
    assert!(times[1].1 - times[0].1 >= Duration::from_secs(4));
    work.stop().await;
}

#[tokio::test]
async fn an_entry_that_the_server_would_never_deliver_is_put_again() {
    let broker = Broker::start().await;
    let options = broker.options("tickets");
    forgets_the_deletion(&broker, &options, &[Sent::single(1)]).await;

    // It has a store of its own: with that of the first, it would recognise the entry.
    let work = Work::start(&options, |_| false).await;
    eventually("it is deleted again", async || broker.messages("tickets").await == 0).await;
    assert_eq!(work.ids(), ["evt_single_1"]);
    work.stop().await;
}

#[tokio::test]
async fn one_that_no_longer_fits_does_not_hold_up_the_next() {
    let broker = Broker::start().await;
    let options = broker.options("tickets");
    let mut large = Sent::single(3);
    large.body = large.body.replace("{}", &format!(r#"{{"x":"{}"}}"#, "a".repeat(5_000)));
    forgets_the_deletion(&broker, &options, &[large, Sent::single(1)]).await;
    broker.edit("tickets", |config| config.max_message_size = 4096).await;

    let work = Work::start(&options, |_| false).await;
    eventually("the second is deleted again", async || broker.messages("tickets").await == 1).await;
    assert_eq!(work.ids(), ["evt_single_1"]);
    work.stop().await;
}

/// A server that is killed can remember the acknowledgement of an entry, and not that it has deleted the entry.
async fn forgets_the_deletion(broker: &Broker, options: &NatsOptions, entries: &[Sent]) {
    let before = sender(options).await;
    for entry in entries {
        before.deliver(entry).await;
    }
    broker.kill();
    broker.back_up("tickets");
    broker.up().await;
    let work = Work::start(options, |_| false).await;
    eventually("all are deleted", async || broker.messages("tickets").await == 0).await;
    work.stop().await;
    // The consumer's state is written from time to time.
    sender(options).await.deliver(&Sent::single(2)).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    broker.kill();
    broker.bring_back("tickets");
    broker.up().await;
    assert_eq!(broker.messages("tickets").await, u64::try_from(entries.len()).expect("few"));
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_created_again() {
    let broker = Broker::shared().await;
    let options = broker.options("deleted");
    let sender = sender(&options).await;
    let work = Work::start(&options, |_| false).await;
    broker.context().await.delete_stream("deleted").await.expect("a stream");
    is_answered_503(&sender).await;
    sender.deliver(&Sent::single(2)).await;
    eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}

#[tokio::test]
async fn a_configuration_that_is_changed_for_the_worse_stops_the_receiver() {
    let broker = Broker::start().await;
    let sender = sender(&broker.options("tickets")).await;
    broker.edit("tickets", |config| config.discard = DiscardPolicy::Old).await;
    broker.kill();
    is_answered_503(&sender).await;
    broker.up().await;
    for _ in 0..5 {
        is_answered_503(&sender).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    broker.edit("tickets", |config| config.discard = DiscardPolicy::New).await;
    sender.deliver(&Sent::single(2)).await;
    assert_eq!(broker.messages("tickets").await, 1);
}

#[tokio::test]
async fn a_full_stream_refuses_and_drains() {
    let broker = Broker::shared().await;
    let retry = RetryPolicy::new().first(Duration::from_millis(300)).attempts(5);
    let options: NatsOptions = broker.options("full").retry(retry);
    let sender = sender(&options).await;
    for number in 10..13 {
        sender.deliver(&Sent::single(number)).await;
    }
    broker.edit("full", |config| config.max_messages = 3).await;
    is_answered_503(&sender).await;
    // Nothing can be published for another attempt: the failed entry stays in its place.
    let is_first = AtomicBool::new(true);
    let work = Work::start(&options, move |_| is_first.swap(false, Ordering::Relaxed)).await;
    eventually("all are handled", async || work.count() == 4).await;
    sender.deliver(&Sent::single(2)).await;
    eventually("one more", async || work.count() == 5).await;
    work.stop().await;
}

#[tokio::test]
async fn an_entry_that_a_full_stream_does_not_take_is_kept_without_a_count() {
    let broker = Broker::shared().await;
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(5);
    let options = broker.options("kept-full").retry(retry).delivery_limit(0).concurrency(1);
    sender(&options).await.deliver(&Sent::single(1)).await;
    broker.edit("kept-full", |config| config.max_messages = 1).await;
    let (told, observer) = texts();
    let is_first = AtomicBool::new(true);
    let fails = move |_| is_first.swap(false, Ordering::Relaxed);
    let work = Work::with(&options, MemoryStore::new(), observer, fails).await;
    eventually("it is refused four times", async || {
        let told = told.lock().expect("no panic");
        told.iter().filter(|text| text.contains("did not take")).count() >= 4
    })
    .await;
    assert_eq!(work.count(), 1);
    broker.edit("kept-full", |config| config.max_messages = -1).await;
    eventually("it is tried again", async || work.count() == 2).await;
    eventually("it is deleted", async || broker.messages("kept-full").await == 0).await;
    assert_eq!(broker.messages("kept-full-dead").await, 0);
    work.stop().await;
}

#[tokio::test]
async fn an_entry_in_hand_does_not_hold_up_those_that_make_room_for_it() {
    let broker = Broker::shared().await;
    let retry = RetryPolicy::new().first(Duration::from_secs(600)).attempts(5);
    let options = broker.options("room").retry(retry).concurrency(1);
    let sender = sender(&options).await;
    sender.deliver(&Sent::batch(0)).await;
    let all = i64::try_from(broker.messages("room").await).expect("few");
    broker.edit("room", |config| config.max_messages = all).await;
    let is_first = AtomicBool::new(true);
    let work = Work::start(&options, move |_| is_first.swap(false, Ordering::Relaxed)).await;
    eventually("the others are handled", async || work.count() == 10).await;
    eventually("one waits", async || broker.messages("room").await == 1).await;
    work.stop().await;
}

#[tokio::test]
async fn a_worker_tells_again_why_it_does_nothing() {
    let broker = Broker::start().await;
    let (told, observer) = texts();
    let options = broker.options("tickets");
    let work = Work::with(&options, MemoryStore::new(), observer, |_| false).await;
    broker.edit("tickets", |config| config.discard = DiscardPolicy::Old).await;
    broker.kill();
    eventually("it is told of the end", async || !told.lock().expect("no panic").is_empty()).await;
    broker.up().await;
    eventually("it is told of the configuration", async || {
        told.lock().expect("no panic").iter().any(|text| text.contains("discard must be new"))
    })
    .await;
    work.stop().await;
}

type Texts = Arc<Mutex<Vec<String>>>;

/// The texts of the engine's failures, and the observer that collects them.
fn texts() -> (Texts, impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static) {
    let texts = Texts::default();
    let told = Arc::clone(&texts);
    let observer = move |happened: &WorkerIncident<'_>| {
        if let WorkerIncident::QueueFailed { error, .. } = happened {
            told.lock().expect("no panic").push(error.to_string());
        }
    };
    (texts, observer)
}

/// Every move adds headers.
#[tokio::test]
async fn the_largest_entry_that_is_accepted_can_be_moved() {
    let small = Broker::also("max_payload: 4096").await;
    moves_the_largest(&small, "tickets").await;
    let broker = Broker::shared().await;
    NatsQueue::connect(&broker.options("moves-limited")).await.expect("a server");
    broker.edit("moves-limited", |config| config.max_message_size = 4096).await;
    broker.edit("moves-limited-dead", |config| config.max_message_size = 4096).await;
    moves_the_largest(&broker, "moves-limited").await;
}

async fn moves_the_largest(broker: &Broker, queue: &str) {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    let options = broker.options(queue).retry(retry);
    let sender = sender(&options).await;
    let mut length = 4096;
    loop {
        let more = format!(r#"{{"x":"{}"}}"#, "a".repeat(length));
        let (status, _) = sender.attempt("large", &Sent::single(1).body.replace("{}", &more)).await;
        if status == 200 {
            break;
        }
        length -= 32;
    }
    assert!(length > 2048, "{length}");
    let work = Work::start(&options, |attempt| attempt <= 2).await;
    let dead = Dead::of(&options).await;
    dead.are(1).await;
    assert_eq!(dead.replay(Select::All).await, 1);
    eventually("it is handled", async || work.count() == 3).await;
    work.stop().await;
}

#[tokio::test]
async fn an_entry_that_is_too_large_is_refused() {
    let broker = Broker::also("max_payload: 4096").await;
    let options = broker.options("tickets");
    let sender = sender(&options).await;
    let large = Sent::single(1).body.replace("{}", &format!(r#"{{"x":"{}"}}"#, "a".repeat(5_000)));
    for _ in 0..2 {
        let (status, text) = sender.attempt("large", &large).await;
        assert_eq!((status, text.as_str()), LATER);
    }
    sender.deliver(&Sent::single(2)).await;
    assert_eq!(broker.messages("tickets").await, 1);
}

//! Entries that wait without an attempt.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use nevent_webhooks::store::{MemoryStore, SqliteStore};
use nevent_webhooks_queues::nats::{NatsDeadLetters, NatsOptions};
use nevent_webhooks_queues::{RetryPolicy, WorkerIncident};

use crate::broker::Broker;
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

fn quick(broker: &Broker, queue: &str) -> NatsOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options(queue).retry(retry)
}

/// When an entry had to wait, and for which outcome.
type Moves = Arc<Mutex<Vec<(&'static str, Instant)>>>;

fn observer(moves: &Moves) -> impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static {
    let moves = Arc::clone(moves);
    move |happened| {
        if let WorkerIncident::Retry { outcome, attempts, .. } = happened {
            assert_eq!(*attempts, 0);
            moves.lock().expect("no panic").push((*outcome, Instant::now()));
        }
    }
}

#[tokio::test]
async fn while_the_store_fails_the_worker_takes_entries_after_growing_pauses() {
    let (broker, directory) = (Broker::shared().await, Directory::new());
    let options = quick(&broker, "refused").concurrency(1);
    let sender = sender(&options).await;
    for number in 0..5 {
        sender.deliver(&Sent::single(number)).await;
    }
    let file = directory.file("store.db");
    let store = SqliteStore::open(&file).await.expect("a file");
    let sql = rusqlite::Connection::open(&file).expect("the store's file");
    let rename = |from: &str, to: &str| {
        sql.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).expect("a table");
    };
    rename("nevent_webhooks_records", "away");
    let moves = Moves::default();
    let work = Work::with(&options, store, observer(&moves), |_| false).await;
    eventually("refusals", async || moves.lock().expect("no panic").len() >= 4).await;
    let refused = moves.lock().expect("no panic").clone();
    for (pair, doublings) in refused.windows(2).zip(0..4) {
        assert_eq!(pair[0].0, "refused");
        let (waited, least) =
            (pair[1].1 - pair[0].1, Duration::from_millis(200) * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    rename("away", "nevent_webhooks_records");
    eventually("all are handled", async || work.count() == 5).await;
    work.stop().await;
    let dead = NatsDeadLetters::connect(&options).await.expect("a broker");
    assert!(dead.list(1).await.expect("a broker").is_empty());
}

#[tokio::test]
async fn an_entry_of_a_newer_version_waits_for_a_newer_worker() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "newer");
    let moves = Moves::default();
    let work = Work::with(&options, MemoryStore::new(), observer(&moves), |_| false).await;
    let mut headers = HeaderMap::new();
    headers.insert("webhook-envelope-version", "2");
    let context = broker.context().await;
    let published = context.publish_with_headers("newer", headers, "?".into()).await;
    published.expect("a broker").await.expect("a stream");
    eventually("it waits", async || !moves.lock().expect("no panic").is_empty()).await;
    work.stop().await;
    assert_eq!(moves.lock().expect("no panic")[0].0, "unknown_version");
    assert_eq!(broker.messages("newer").await, 1);
    assert_eq!(broker.messages("newer-dead").await, 0);
}

/// Each start of a worker takes it again.
#[tokio::test]
async fn a_worker_that_stops_while_the_store_fails_leaves_the_entry() {
    let (broker, directory) = (Broker::shared().await, Directory::new());
    let options = quick(&broker, "left").delivery_limit(0);
    sender(&options).await.deliver(&Sent::single(1)).await;
    for number in 0..3 {
        let file = directory.file(&format!("store-{number}.db"));
        let store = SqliteStore::open(&file).await.expect("a file");
        let sql = rusqlite::Connection::open(&file).expect("the store's file");
        sql.execute_batch("DROP TABLE nevent_webhooks_records").expect("a table");
        let moves = Moves::default();
        let work = Work::with(&options, store, observer(&moves), |_| false).await;
        eventually("it is refused", async || !moves.lock().expect("no panic").is_empty()).await;
        work.stop().await;
    }
    let work = Work::start(&options, |_| false).await;
    eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}

//! Entries that wait: for the store, for a newer worker, or for a handler that takes long.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nevent_webhooks::store::{MemoryStore, SqliteStore};
use nevent_webhooks_queues::kafka::{KafkaDeadLetters, KafkaOptions};
use nevent_webhooks_queues::{RetryPolicy, WorkerIncident};

use crate::broker::{Broker, publish};
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

fn quick(broker: &Broker, topic: &str) -> KafkaOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    broker.options(topic).retry(retry)
}

/// When an entry was moved into a retry queue, and for which outcome.
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
    for (pair, doublings) in refused.windows(2).zip(1..4) {
        assert_eq!(pair[0].0, "refused");
        let (waited, least) =
            (pair[1].1 - pair[0].1, Duration::from_millis(200) * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    rename("away", "nevent_webhooks_records");
    eventually("all are handled", async || work.count() == 5).await;
    work.stop().await;
    let dead = KafkaDeadLetters::connect(&options).await.expect("a broker");
    assert!(dead.list(1).await.expect("a broker").is_empty());
}

#[tokio::test]
async fn an_entry_of_a_newer_version_waits_for_a_newer_worker() {
    let broker = Broker::shared().await;
    let options = quick(&broker, "newer");
    let moves = Moves::default();
    let work = Work::with(&options, MemoryStore::new(), observer(&moves), |_| false).await;
    let newer = Some(("webhook-envelope-version", "2"));
    publish(&broker.address(), "newer", newer, b"?").await;
    // More often than an entry that fails is tried.
    eventually("it waits", async || moves.lock().expect("no panic").len() >= 4).await;
    work.stop().await;
    assert!(
        moves.lock().expect("no panic").iter().all(|(outcome, _)| *outcome == "unknown_version")
    );
    let dead = KafkaDeadLetters::connect(&options).await.expect("a broker");
    assert!(dead.list(1).await.expect("a broker").is_empty());
}

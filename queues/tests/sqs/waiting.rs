//! Entries that wait without an attempt.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nevent_webhooks::store::{MemoryStore, SqliteStore};
use nevent_webhooks_queues::WorkerIncident;

use crate::server::Server;
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

/// The copies of entries that were sent: for which outcome, with how many attempts, and when.
type Copies = Arc<Mutex<Vec<(&'static str, u32, Instant)>>>;

fn observer(copies: &Copies) -> impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static {
    let copies = Arc::clone(copies);
    move |happened| {
        if let WorkerIncident::Retry { outcome, attempts, .. } = happened {
            copies.lock().expect("no panic").push((*outcome, *attempts, Instant::now()));
        }
    }
}

#[tokio::test]
async fn while_the_store_fails_the_worker_takes_entries_after_growing_pauses() {
    let (server, directory) = (Server::shared().await, Directory::new());
    let options = server.options("refused").await.concurrency(1);
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
    let copies = Copies::default();
    let work = Work::with(&options, store, observer(&copies), |_| false).await;
    eventually("refusals", async || copies.lock().expect("no panic").len() >= 4).await;
    let refused = copies.lock().expect("no panic").clone();
    for (pair, doublings) in refused.windows(2).zip(1..4) {
        assert_eq!((pair[0].0, pair[0].1), ("refused", 0));
        let (waited, least) =
            (pair[1].2 - pair[0].2, Duration::from_millis(200) * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    rename("away", "nevent_webhooks_records");
    eventually("all are handled", async || work.count() == 5).await;
    eventually("nothing stays", async || server.messages("refused").await == 0).await;
    work.stop().await;
    assert_eq!(server.messages("refused-dead").await, 0);
}

#[tokio::test]
async fn an_entry_of_a_newer_version_waits_for_a_newer_worker() {
    let server = Server::shared().await;
    let options = server.options("newer").await;
    let copies = Copies::default();
    let work = Work::with(&options, MemoryStore::new(), observer(&copies), |_| false).await;
    server.send("newer", r#"{"version":2,"soul":"?"}"#).await;
    eventually("it waits", async || !copies.lock().expect("no panic").is_empty()).await;
    work.stop().await;
    let first = copies.lock().expect("no panic")[0];
    assert_eq!((first.0, first.1), ("unknown_version", 0));
    assert_eq!(server.messages("newer").await, 1);
    assert_eq!(server.messages("newer-dead").await, 0);
}

/// A delay that is longer than SQS has is in the message. The worker that receives it early sends a copy that
/// waits on, and holds none: a queue has few messages in flight.
#[tokio::test]
async fn a_long_delay_is_not_an_attempt_and_not_a_vanished_worker() {
    let server = Server::shared().await;
    let options = server.options("early").await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    let begun = Instant::now();
    // SQS would make a dead letter of it after one more vanished worker, and so would the worker.
    server.set_state("early", "attempts=1 vanished=48 delay=4000").await;
    let copies = Copies::default();
    let work = Work::with(&options, MemoryStore::new(), observer(&copies), |_| false).await;
    eventually("it is delayed, and not held", async || {
        let (delayed, held) = server.delayed_and_held("early").await;
        delayed == 1 && held == 0
    })
    .await;
    eventually("it is handled", async || work.count() == 1).await;
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    eventually("nothing stays", async || server.messages("early").await == 0).await;
    work.stop().await;
    assert!(copies.lock().expect("no panic").is_empty());
    assert_eq!(server.messages("early-dead").await, 0);
}

/// The state that the copies keep decides after the wait: this was the last attempt but one.
#[tokio::test]
async fn a_long_delay_keeps_the_attempts() {
    let server = Server::shared().await;
    let options = server.options("keeps").await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    server.set_state("keeps", "attempts=1 vanished=0 delay=1000").await;
    let work = Work::start(&options, |_| true).await;
    eventually("the dead letter", async || server.messages("keeps-dead").await == 1).await;
    assert_eq!(work.count(), 1);
    work.stop().await;
}

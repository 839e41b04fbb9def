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

/// When a copy of an entry was sent, and for which outcome.
type Copies = Arc<Mutex<Vec<(&'static str, Instant)>>>;

fn observer(copies: &Copies) -> impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static {
    let copies = Arc::clone(copies);
    move |happened| {
        if let WorkerIncident::Retry { outcome, attempts, .. } = happened {
            assert_eq!(*attempts, 0);
            copies.lock().expect("no panic").push((*outcome, Instant::now()));
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
        assert_eq!(pair[0].0, "refused");
        let (waited, least) =
            (pair[1].1 - pair[0].1, Duration::from_millis(200) * 2_u32.pow(doublings));
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
    assert_eq!(copies.lock().expect("no panic")[0].0, "unknown_version");
    assert_eq!(server.messages("newer").await, 1);
    assert_eq!(server.messages("newer-dead").await, 0);
}

/// A delay that is longer than SQS has is in the message. The worker that receives it early waits on.
#[tokio::test]
async fn a_long_delay_is_not_an_attempt_and_not_a_vanished_worker() {
    let server = Server::shared().await;
    let options = server.options("early").await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    let begun = Instant::now();
    server.set_state("early", "attempts=1 vanished=0 delay=2500").await;
    let work = Work::start(&options, |_| false).await;
    eventually("it is handled", async || work.count() == 1).await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    work.stop().await;
}

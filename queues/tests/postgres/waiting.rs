//! Entries that wait without an attempt, and observers that panic.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nevent_webhooks::store::{MemoryStore, SqliteStore};
use nevent_webhooks_queues::postgres::PostgresOptions;
use nevent_webhooks_queues::{RetryPolicy, WorkerIncident};

use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Scene, Work};

fn quick(scene: &Scene) -> PostgresOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(50)).attempts(2);
    scene.options.clone().retry(retry).poll_every(Duration::from_millis(20))
}

/// When an entry was given back, and for which outcome.
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
    let (scene, directory) = (Scene::new().await, Directory::new());
    let options = quick(&scene).concurrency(1);
    let sender = scene.sender().await;
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
    assert_eq!(scene.count("true").await, 0);
}

#[tokio::test]
async fn an_entry_of_a_newer_version_waits_for_a_newer_worker() {
    let scene = Scene::new().await;
    let moves = Moves::default();
    let work = Work::with(&quick(&scene), MemoryStore::new(), observer(&moves), |_| false).await;
    let newer = r#"INSERT INTO nevent_webhooks.entries (queue, envelope)
        VALUES ('tickets', '{"version":2}')"#;
    scene.database.execute(newer).await;
    eventually("it waits", async || scene.count("reason = 'unknown_version'").await == 1).await;
    // More often than an entry that fails is tried.
    for number in 2..5 {
        scene.database.execute("UPDATE nevent_webhooks.entries SET run_at = now()").await;
        eventually("it waits", async || moves.lock().expect("no panic").len() >= number).await;
    }
    work.stop().await;
    assert_eq!(scene.count("dead_at IS NULL AND attempts = 0").await, 1);
    let moves = moves.lock().expect("no panic");
    assert!(moves.iter().all(|(outcome, _)| *outcome == "unknown_version"));
}

#[tokio::test]
async fn an_observer_that_panics_strands_no_entry() {
    let scene = Scene::new().await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    let observer = |happened: &WorkerIncident<'_>| panic!("{happened:?}");
    let work = Work::with(&quick(&scene), MemoryStore::new(), observer, |_| true).await;
    eventually("the dead letter", async || scene.count("dead_at IS NOT NULL").await == 1).await;
    assert_eq!(work.count(), 2);
    work.stop().await;
}

#[tokio::test]
async fn a_handler_that_panics_is_an_attempt() {
    let scene = Scene::new().await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    let work = Work::start(&quick(&scene), |attempt| panic!("attempt {attempt}")).await;
    let dead = "dead_at IS NOT NULL AND attempts = 2 AND reason = 'panicked'";
    eventually("the dead letter", async || scene.count(dead).await == 1).await;
    drop(work);
}

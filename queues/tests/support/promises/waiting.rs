//! Entries that wait without an attempt.

use nevent_webhooks::store::{MemoryStore, SqliteStore};

use super::dead_letters::quick;
use crate::support::directory::Directory;
use crate::support::engine::{Dead, Engine, Foreign, sender};
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::support::work::{Told, Work};

/// Whether each line is of an entry that waits for this reason, and no attempt.
fn are_all(told: &Told, outcome: &str) -> bool {
    let has = |line: &str| line.contains(&format!(" {outcome} 0 "));
    told.moves().iter().all(|(line, _)| has(line))
}

pub async fn while_the_store_fails_the_worker_takes_entries_after_growing_pauses<E: Engine>() {
    let (engine, directory) = (E::shared("refused").await, Directory::new());
    let options = E::concurrency(quick(&engine), 1);
    let sender = sender::<E>(&options).await;
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
    let told = Told::default();
    let work = Work::<E>::with(&options, store, told.observer(), |_| false).await;
    eventually("refusals", async || told.moves().len() >= 4).await;
    for (pair, doublings) in told.moves()[..4].windows(2).zip(0..) {
        let (waited, least) = (pair[1].1 - pair[0].1, E::FIRST_PAUSE * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    assert!(are_all(&told, "refused"), "{:?}", told.lines());
    rename("away", "nevent_webhooks_records");
    eventually("all are handled", async || work.count() >= 5).await;
    eventually("nothing stays", async || engine.entries().await == 0).await;
    assert_eq!(work.ids(), [0, 1, 2, 3, 4].map(|number| format!("evt_single_{number}")));
    work.stop().await;
    assert!(Dead::<E>::of(&options).await.list().await.is_empty());
}

/// Each start of a worker takes it again.
pub async fn a_worker_that_stops_while_the_store_fails_leaves_the_entry<E: Engine>() {
    let (engine, directory) = (E::shared("left").await, Directory::new());
    let options = E::crashing(quick(&engine));
    sender::<E>(&options).await.deliver(&Sent::single(1)).await;
    // More than the workers that it may kill.
    for number in 0..6 {
        let file = directory.file(&format!("store-{number}.db"));
        let store = SqliteStore::open(&file).await.expect("a file");
        let sql = rusqlite::Connection::open(&file).expect("the store's file");
        sql.execute_batch("DROP TABLE nevent_webhooks_records").expect("a table");
        let told = Told::default();
        let work = Work::<E>::with(&options, store, told.observer(), |_| false).await;
        eventually("it is refused", async || !told.moves().is_empty()).await;
        work.stop().await;
        assert!(are_all(&told, "refused"), "{:?}", told.lines());
    }
    let work = Work::<E>::start(&options, |_| false).await;
    eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}

pub async fn an_entry_of_a_newer_version_waits_for_a_newer_worker<E: Engine>() {
    let engine = E::shared("newer").await;
    let (options, told) = (quick(&engine), Told::default());
    let work = Work::<E>::with(&options, MemoryStore::new(), told.observer(), |_| false).await;
    engine.publish(Foreign::Newer).await;
    eventually("it waits", async || !told.moves().is_empty()).await;
    // More often than an entry that fails is tried.
    for number in 2..5 {
        if engine.hurry().await {
            eventually("it waits again", async || told.moves().len() >= number).await;
        }
    }
    work.stop().await;
    assert!(are_all(&told, "unknown_version"), "{:?}", told.lines());
    eventually("it is there", async || engine.entries().await == 1).await;
    assert!(Dead::<E>::of(&options).await.list().await.is_empty());
}

//! The hand-over and the work, end to end.

use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::store::{MemoryStore, SqliteStore};
use nevent_webhooks_queues::RetryPolicy;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::directory::Directory;
use crate::support::engine::{Dead, Engine, sender};
use crate::support::eventually;
use crate::support::sender::{Sender, Sent};
use crate::support::work::{Told, Work, ids};

fn batches(numbers: std::ops::Range<u32>) -> Vec<String> {
    let mut ids: Vec<_> = numbers.map(|number| format!("evt_batch_{number}")).collect();
    ids.sort();
    ids
}

/// Puts [`batches`] `0..30`. Returns how many copies there are: a receiver that was slow has put some twice.
async fn put_thirty<E: Engine>(engine: &E, sender: &Sender) -> usize {
    for number in 0..3 {
        sender.deliver(&Sent::batch(number * 2)).await;
    }
    eventually("the entries", async || engine.entries().await >= 30).await;
    engine.entries().await - 30
}

/// Without copies, an event of two batches is one entry.
pub async fn what_is_handed_over_is_handled_once<E: Engine>() {
    let engine = E::shared("whole").await;
    let options = engine.options();
    let sender = sender::<E>(&options).await;
    for sent in [Sent::single(1), Sent::batch(0), Sent::batch(1), Sent::single(1)] {
        sender.deliver(&sent).await;
    }
    eventually("an entry for each event", async || engine.entries().await >= 16).await;
    assert!(!E::IS_ATOMIC || engine.entries().await == 16);
    let work = Work::<E>::start(&options, |_| false).await;
    let expected = [batches(0..15), Sent::single(1).events].concat();
    eventually("all are handled", async || work.count() >= expected.len()).await;
    eventually("all are deleted", async || engine.entries().await == 0).await;
    assert_eq!(work.ids(), expected);
    work.stop().await;
    assert_eq!(engine.in_hand().await, 0);
}

pub async fn a_failed_entry_is_tried_again_after_growing_delays<E: Engine>() {
    let engine = E::shared("retry").await;
    let first = E::QUICK.max(Duration::from_millis(300));
    let options = E::retry(engine.options(), RetryPolicy::new().first(first).attempts(4));
    let sender = sender::<E>(&options).await;
    let told = Told::default();
    let fails = |attempt| attempt < 4;
    let work = Work::<E>::with(&options, MemoryStore::new(), told.observer(), fails).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("the last attempt", async || work.count() == 4).await;
    let times: Vec<_> = work.seen.lock().expect("no panic").iter().map(|(_, at)| *at).collect();
    for (pair, doublings) in times.windows(2).zip(0..) {
        // The times are those at which the handler ended.
        let (waited, least) = (pair[1] - pair[0], first * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    eventually("it is deleted", async || engine.entries().await == 0).await;
    work.stop().await;
    let line = |attempts: u32| {
        let delay = first * 2_u32.pow(attempts - 1);
        format!("retry evt_single_1 failed {attempts} {}", delay.as_millis())
    };
    assert_eq!(told.lines(), [1, 2, 3].map(line));
}

pub async fn entries_that_wait_hold_up_no_others<E: Engine>() {
    let engine = E::shared("waiting").await;
    let retry = RetryPolicy::new().first(Duration::from_secs(600)).attempts(2);
    let options = E::concurrency(E::retry(engine.options(), retry), 2);
    let sender = sender::<E>(&options).await;
    let copies = put_thirty(&engine, &sender).await;
    let work = Work::<E>::start(&options, |_| true).await;
    eventually("all have failed", async || work.count() >= 30 + copies).await;
    eventually("all wait", async || engine.entries().await == 30 + copies).await;
    let mut ids = work.ids();
    ids.dedup();
    assert_eq!(ids, batches(0..30));
    work.stop().await;
}

/// Each worker has a store of its own, and would handle an entry that is delivered again.
pub async fn a_handler_that_takes_long_keeps_its_entry<E: Engine>() {
    let engine = E::shared("long").await;
    let (options, silence) = E::impatient(engine.options());
    let sender = sender::<E>(&options).await;
    let takes = silence * 4;
    let (one, two) =
        tokio::join!(Work::<E>::slow(&options, takes), Work::<E>::slow(&options, takes));
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || one.count() + two.count() > 0).await;
    eventually("it is deleted", async || engine.entries().await == 0).await;
    assert_eq!(one.begun() + two.begun(), 1);
    assert_eq!([one.ids(), two.ids()].concat(), ["evt_single_1"]);
    one.stop().await;
    two.stop().await;
}

pub async fn a_worker_that_stops_ends_what_it_has_begun<E: Engine>() {
    let (engine, directory) = (E::shared("stop").await, Directory::new());
    let options = E::concurrency(engine.options(), 2);
    let sender = sender::<E>(&options).await;
    // There can be copies, so the workers share a store.
    let copies = put_thirty(&engine, &sender).await;
    let file = directory.file("store.db");
    let store = async || SqliteStore::open(&file).await.expect("a file");
    let gate = Arc::new(Semaphore::new(4));
    let first = Work::<E>::gated(&options, store().await, Arc::clone(&gate)).await;
    eventually("two are in hand", async || first.begun() == 6 && first.count() == 4).await;
    let seen = first.seen.clone();
    let stopping = tokio::spawn(first.stop());
    sleep(Duration::from_millis(300)).await;
    assert!(!stopping.is_finished(), "it has entries in hand");
    gate.add_permits(26);
    stopping.await.expect("no panic");
    let mut handled = ids(&seen);
    assert_eq!(handled.len(), 6, "it ends what it has begun, and takes no more");
    assert_eq!(engine.in_hand().await, 0, "none is left to its lease");
    let left = async || engine.entries().await;
    eventually("the others are there", async || (24..=24 + copies).contains(&left().await)).await;

    let second = Work::<E>::with(&options, store().await, |_| {}, |_| false).await;
    eventually("the rest is handled", async || second.count() >= 24).await;
    eventually("all are deleted", async || left().await == 0).await;
    handled.extend(second.ids());
    second.stop().await;
    handled.sort();
    assert_eq!(handled, batches(0..30));

    // The third has a store of its own, so it would handle an entry again that was not acknowledged.
    sender.deliver(&Sent::single(1)).await;
    let third = Work::<E>::start(&E::concurrency(options.clone(), 1), |_| false).await;
    eventually("the last is handled", async || third.count() >= 1).await;
    eventually("and deleted", async || left().await == 0).await;
    assert_eq!(third.ids(), ["evt_single_1"]);
    third.stop().await;
    assert!(Dead::<E>::of(&options).await.list().await.is_empty());
}

pub async fn an_idle_worker_stops<E: Engine>() {
    let engine = E::shared("idle").await;
    let work = Work::<E>::start(&engine.options(), |_| false).await;
    work.stop().await;
}

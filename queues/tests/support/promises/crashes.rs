//! Entries that end the process of their worker.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::{MemoryStore, SqliteStore};
use nevent_webhooks_queues::{RetryPolicy, Select};
use tokio::time::sleep;

use crate::support::directory::Directory;
use crate::support::engine::{Dead, Engine, connected, sender};
use crate::support::eventually;
use crate::support::program::{Program, is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::sender::Sent;

/// The lease of a killed worker is in a durable store, so the next worker may find the entry in progress, and put
/// it back. The broker may count from zero then.
pub async fn an_entry_that_kills_its_workers_is_a_dead_letter_in_spite_of_their_leases<
    E: Engine,
>() {
    let (engine, directory) = (E::shared(QUEUE).await, Directory::new());
    let (options, begun) = (options::<E>(engine.options()), directory.file("begun"));
    sender::<E>(&options).await.deliver(&Sent::single(1)).await;
    let before = engine.vanish().await;
    let store = directory.file("store.db");
    let environment = [("BROKER", engine.address()), ("STORE", store), ("BEGUN", begun.clone())];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let mut program = Program::start("promises::worker_that_crashes", &environment);
    let dead = Dead::<E>::of(&options).await;
    let mut crashes = 0;
    while dead.list().await.is_empty() {
        let all = std::fs::read(&begun).map_or(0, |lines| lines.len());
        assert!(all + before <= E::MOST_CRASHES, "it has killed {all} workers");
        if all > crashes {
            crashes = all;
            program.kill_and_restart();
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(crashes >= 2);
    let letters = dead.list().await;
    assert_eq!((letters[0].id(), letters[0].reason()), ("evt_single_1", "worker_vanished"));
    // Only Redis has one count for both.
    let attempts = usize::try_from(letters[0].attempts()).expect("few");
    assert!(attempts == 0 || attempts == crashes, "{attempts} of {crashes}");

    // It has all its deliveries again.
    assert_eq!(dead.replay(Select::All).await, 1);
    eventually("it is delivered again", async || {
        std::fs::read(&begun).expect("a file").len() > crashes
    })
    .await;
}

/// The entries come back together, and in the same order: those before and behind the one that kills.
pub async fn entries_that_share_a_worker_with_one_that_kills_it_are_handled<E: Engine>() {
    let (engine, directory) = (E::shared(CROWD).await, Directory::new());
    let options = E::crowded(engine.options());
    let sender = sender::<E>(&options).await;
    for number in [2, 3, 1, 4, 5, 6] {
        sender.deliver(&Sent::single(number)).await;
    }
    let (begun, done) = (directory.file("begun"), directory.file("done"));
    let environment =
        [("BROKER", engine.address()), ("BEGUN", begun.clone()), ("DONE", done.clone())];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let mut program = Program::start("promises::worker_in_a_crowd", &environment);
    let dead = Dead::<E>::of(&options).await;
    let handled = || {
        let lines = std::fs::read_to_string(&done).unwrap_or_default();
        lines.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (mut crashes, mut is_dead) = (0, false);
    while !is_dead || handled().len() < 5 {
        let all = std::fs::read(&begun).map_or(0, |lines| lines.len());
        if all > crashes {
            assert!(all < 40, "it has killed {all} workers, and {:?} are handled", handled());
            crashes = all;
            program.kill_and_restart();
        }
        for letter in dead.list().await {
            assert_eq!((letter.id(), letter.reason()), (KILLER, "worker_vanished"));
            is_dead = true;
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(!handled().contains(KILLER), "{:?}", handled());
    eventually("all are gone", async || engine.entries().await == 0).await;
    assert_eq!(dead.list().await.len(), 1, "after {crashes} crashes");
}

const QUEUE: &str = "crashes";
pub const CROWD: &str = "crowd";
const KILLER: &str = "evt_single_1";
/// Longer than the broker takes to deliver all of them.
const SLOW: Duration = Duration::from_millis(300);

/// In the worker's process. Its store does not outlive it: with a lease, the entry that kills would let the others
/// go first.
pub async fn worker_in_a_crowd<E: Engine>() {
    if !is_program() {
        return;
    }
    let address = told("BROKER");
    let options = E::crowded(connected(async || E::options_at(&address, CROWD).await).await);
    let worker = connected(async || E::worker(&options, |_| {}).await).await;
    let once = Once::new("work", MemoryStore::new()).expect("safe options");
    say("ready");
    E::run(worker, once, crash_or_work, std::future::pending()).await;
}

async fn crash_or_work(envelope: Envelope, claim: ClaimHandle) -> Result<(), String> {
    let id = envelope.id().as_str().to_owned();
    // The others have begun by then, if they may.
    sleep(if id == KILLER { SLOW / 2 } else { SLOW }).await;
    if id == KILLER {
        return crash(envelope, claim).await;
    }
    note("DONE", &format!("{id}\n"));
    Ok(())
}

fn options<E: Engine>(options: E::Options) -> E::Options {
    let first = E::QUICK.max(Duration::from_millis(200));
    E::crashing(E::retry(options, RetryPolicy::new().first(first).attempts(5)))
}

/// In the worker's process.
pub async fn worker<E: Engine>() {
    if !is_program() {
        return;
    }
    let address = told("BROKER");
    let options = options::<E>(connected(async || E::options_at(&address, QUEUE).await).await);
    let worker = connected(async || E::worker(&options, |_| {}).await).await;
    let store = SqliteStore::open(&told("STORE")).await.expect("a file");
    let once = Once::with_options("work", store, short_lease()).expect("safe options");
    say("ready");
    E::run(worker, once, crash, std::future::pending()).await;
}

async fn crash(_: Envelope, _: ClaimHandle) -> Result<(), String> {
    note("BEGUN", "x");
    std::process::abort()
}

/// Adds this to a file that the test reads.
fn note(file: &str, text: &str) {
    let file = std::fs::File::options().create(true).append(true).open(told(file));
    file.expect("a directory").write_all(text.as_bytes()).expect("a disk");
}

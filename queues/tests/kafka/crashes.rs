//! Entries that end the process of their worker.

use std::io::Write;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::{MemoryStore, SqliteStore};
use nevent_webhooks_queues::kafka::{KafkaDeadLetters, KafkaOptions, KafkaWorker};
use nevent_webhooks_queues::{RetryPolicy, Select};
use tokio::time::sleep;

use crate::mock::{cluster, unchecked};
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::program::{Program, is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::sender::Sent;
use crate::work::sender;

const TOPICS: [&str; 6] = [
    "crashes",
    "crashes.dead",
    "crashes.retry.200",
    "crashes.retry.400",
    "crashes.retry.800",
    "crashes.retry.1600",
];

fn options(address: &str) -> KafkaOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(200)).attempts(5);
    unchecked(address, "crashes").retry(retry).delivery_limit(1)
}

/// The others are handled all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_kills_its_workers_is_a_dead_letter() {
    is_a_dead_letter_at_last("").await;
}

/// The lease of a killed worker is in a durable store, so the next worker finds the entry in progress, and
/// moves it to a retry topic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_kills_its_workers_is_a_dead_letter_in_spite_of_their_leases() {
    is_a_dead_letter_at_last(&Directory::new().file("store.db")).await;
}

async fn is_a_dead_letter_at_last(store: &str) {
    let (cluster, directory) = (cluster(&TOPICS), Directory::new());
    if let Some(parent) = std::path::Path::new(store).parent() {
        std::fs::create_dir_all(parent).expect("a disk");
    }
    let (address, begun) = (cluster.bootstrap_servers(), directory.file("begun"));
    let options = options(&address);
    let sender = sender(&options).await;
    for number in 1..=3 {
        sender.deliver(&Sent::single(number)).await;
    }
    let environment = [("BROKER", &*address), ("STORE", store), ("BEGUN", &begun)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut program = Program::start("crashes::worker", &environment);
    let dead = KafkaDeadLetters::connect(&options).await.expect("a broker");
    let count = |mark: u8| {
        let marks = std::fs::read(&begun).unwrap_or_default();
        marks.iter().filter(|one| **one == mark).count()
    };
    let mut crashes = 0;
    let letters = loop {
        let letters = dead.list(10).await.expect("a broker");
        if !letters.is_empty() {
            break letters;
        }
        let all = count(b'x');
        // The first is not known to be the killer's: the entry was not at the head, or the lease was not
        // in the way.
        assert!(all <= 4, "it has killed {all} workers");
        if all > crashes {
            crashes = all;
            program.kill_and_restart();
        }
        sleep(Duration::from_millis(20)).await;
    };
    assert!(crashes >= 2);
    let found: Vec<_> = letters.iter().map(|one| (one.id(), one.reason())).collect();
    assert_eq!(found, [("evt_single_2", "worker_vanished")]);
    eventually("the others are handled", async || count(b'.') >= 2).await;

    // It has all its deliveries again.
    assert_eq!(dead.replay(Select::All).await.expect("a broker"), 1);
    eventually("it is delivered again", async || count(b'x') > crashes).await;
}

#[tokio::test]
async fn worker() {
    if !is_program() {
        return;
    }
    let worker = KafkaWorker::connect(&options(&told("BROKER"))).await.expect("a broker");
    let worker = worker.observer(|happened| eprintln!("{happened:?}"));
    let once = match &*told("STORE") {
        "" => Once::with_options("work", MemoryStore::new(), short_lease()),
        file => {
            let store = SqliteStore::open(file).await.expect("a file");
            Once::with_options("work", store, short_lease())
        }
    };
    say("ready");
    worker.run(&once.expect("safe options"), crash, std::future::pending()).await;
}

async fn crash(envelope: Envelope, _: ClaimHandle) -> Result<(), String> {
    let is_killer = envelope.id().as_str() == "evt_single_2";
    let file = std::fs::File::options().create(true).append(true).open(told("BEGUN"));
    file.expect("a directory").write_all(if is_killer { b"x" } else { b"." }).expect("a disk");
    if is_killer { std::process::abort() } else { Ok(()) }
}

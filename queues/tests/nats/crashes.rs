//! Entries that end the process of their worker.

use std::io::Write;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::SqliteStore;
use nevent_webhooks_queues::nats::{NatsDeadLetters, NatsOptions, NatsWorker};
use nevent_webhooks_queues::{RetryPolicy, Select};
use tokio::time::sleep;

use crate::broker::Broker;
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::program::{Program, is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::sender::Sent;
use crate::work::sender;

fn options(url: &str) -> NatsOptions {
    let retry = RetryPolicy::new().first(Duration::from_millis(200)).attempts(5);
    let options = NatsOptions::new(url, "crashes").expect("a URL").retry(retry);
    options.delivery_limit(1).ack_wait(Duration::from_secs(1))
}

/// The lease of a killed worker is in a durable store, so the next worker finds the entry in progress,
/// and puts it back. The server counts from one there.
#[tokio::test]
async fn an_entry_that_kills_its_workers_is_a_dead_letter_in_spite_of_their_leases() {
    let (broker, directory) = (Broker::shared().await, Directory::new());
    let (options, begun) = (options(&broker.url()), directory.file("begun"));
    sender(&options).await.deliver(&Sent::single(1)).await;
    let environment =
        [("BROKER", broker.url()), ("STORE", directory.file("store.db")), ("BEGUN", begun.clone())];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let mut program = Program::start("crashes::worker", &environment);
    let dead = NatsDeadLetters::connect(&options).await.expect("a broker");
    let mut crashes = 0;
    let letters = loop {
        let letters = dead.list(10).await.expect("a broker");
        if !letters.is_empty() {
            break letters;
        }
        let all = std::fs::read(&begun).map_or(0, |lines| lines.len());
        // One more than the limit of each of the two counts, the broker's and the worker's.
        assert!(all <= 4, "it has killed {all} workers");
        if all > crashes {
            crashes = all;
            program.kill_and_restart();
        }
        sleep(Duration::from_millis(20)).await;
    };
    assert!(crashes >= 2);
    assert_eq!(letters[0].id(), "evt_single_1");
    assert_eq!(letters[0].reason(), "worker_vanished");

    // It has all its deliveries again.
    assert_eq!(dead.replay(Select::All).await.expect("a broker"), 1);
    eventually("it is delivered again", async || {
        std::fs::read(&begun).expect("a file").len() > crashes
    })
    .await;
}

#[tokio::test]
async fn worker() {
    if !is_program() {
        return;
    }
    let worker = NatsWorker::connect(&options(&told("BROKER"))).await.expect("a broker");
    let store = SqliteStore::open(&told("STORE")).await.expect("a file");
    let once = Once::with_options("work", store, short_lease()).expect("safe options");
    say("ready");
    worker.run(&once, crash, std::future::pending()).await;
}

async fn crash(_: Envelope, _: ClaimHandle) -> Result<(), String> {
    let file = std::fs::File::options().create(true).append(true).open(told("BEGUN"));
    file.expect("a directory").write_all(b"x").expect("a disk");
    std::process::abort()
}

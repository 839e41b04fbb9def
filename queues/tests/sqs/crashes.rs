//! Entries that end the process of their worker.

use std::io::Write;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::SqliteStore;
use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::sqs::{SqsDeadLetters, SqsOptions, SqsWorker};
use tokio::time::sleep;

use crate::server::{self, Server};
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::program::{Program, is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::sender::Sent;
use crate::work::sender;

/// As if so many workers had vanished before. SQS makes a dead letter of a message after 50 receptions.
const BEFORE: usize = 46;

fn options(port: u16) -> SqsOptions {
    server::options(port, "crashes").visibility(Duration::from_secs(2))
}

/// The lease of a killed worker is in a durable store, so the next worker may find the entry in progress, and
/// send a copy that SQS counts from zero.
#[tokio::test]
async fn an_entry_that_kills_its_workers_is_a_dead_letter_in_spite_of_their_leases() {
    let (server, directory) = (Server::shared().await, Directory::new());
    let options = options(server.port);
    options.create_queues().await.expect("queues");
    sender(&options).await.deliver(&Sent::single(1)).await;
    server.set_state("crashes", &format!("attempts=0 vanished={BEFORE}")).await;
    let begun = directory.file("begun");
    let environment = [
        ("PORT", server.port.to_string()),
        ("STORE", directory.file("store.db")),
        ("BEGUN", begun.clone()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let mut program = Program::start("crashes::worker", &environment);
    let mut crashes = 0;
    while server.messages("crashes-dead").await == 0 {
        let all = std::fs::read(&begun).map_or(0, |lines| lines.len());
        assert!(all + BEFORE <= 50, "it has killed {all} workers");
        if all > crashes {
            crashes = all;
            program.kill_and_restart();
        }
        sleep(Duration::from_millis(20)).await;
    }
    assert!(crashes >= 2);
    let dead = SqsDeadLetters::connect(&options).await.expect("a server");
    let letters = dead.list(10).await.expect("a server");
    assert_eq!((letters[0].id(), letters[0].reason()), ("evt_single_1", "worker_vanished"));

    // It has all its receptions again.
    assert_eq!(dead.replay(Select::All).await.expect("a server"), 1);
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
    let options = options(told("PORT").parse().expect("a port"));
    let worker = SqsWorker::connect(&options).await.expect("a server");
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

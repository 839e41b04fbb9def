//! FIFO queues.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::sqs::SqsDeadLetters;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::engine::{Work, sender};
use crate::server::Server;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::support::work::TAKES;

#[tokio::test]
async fn copies_of_an_entry_are_removed_and_no_event_blocks_another() {
    let server = Server::shared().await;
    let options = server.options("order.fifo").await;
    // Receivers with stores of their own know nothing of each other.
    for _ in 0..2 {
        let sender = sender(&options).await;
        sender.deliver(&Sent::batch(0)).await;
        sender.deliver(&Sent::single(1)).await;
    }
    assert_eq!(server.messages("order.fifo").await, 11);
    let work = Work::start(&options, |_| false).await;
    eventually("all are handled", async || work.count() == 11).await;
    eventually("nothing stays", async || server.messages("order.fifo").await == 0).await;
    work.stop().await;
}

#[tokio::test]
async fn an_entry_is_tried_again_and_becomes_a_dead_letter_and_is_replayed() {
    let server = Server::shared().await;
    let options = server.options("retries.fifo").await;
    let sender = sender(&options).await;
    for number in 1..=2 {
        sender.deliver(&Sent::single(number)).await;
    }
    let work = Work::start(&options, |attempt| attempt <= 2).await;
    eventually("dead letters", async || server.messages("retries-dead.fifo").await == 2).await;
    assert_eq!(work.count(), 4);
    let of = |seen: &[(String, Instant)], id: &str| {
        let times = seen.iter().filter(|(other, _)| other == id).map(|(_, at)| *at);
        times.collect::<Vec<_>>()
    };
    let times = of(&work.seen.lock().expect("no panic"), "evt_single_1");
    assert!(times[1] - times[0] >= Duration::from_secs(1));

    let dead = SqsDeadLetters::connect(&options).await.expect("a server");
    let letters = dead.list(10).await.expect("a server");
    assert!(letters.iter().all(|letter| letter.reason() == "failed" && letter.attempts() == 2));
    assert_eq!(letters.len(), 2);
    assert_eq!(dead.replay(Select::Id("evt_single_2")).await.expect("a server"), 1);
    eventually("it is handled", async || work.count() == 5).await;
    assert_eq!(dead.delete(Select::All).await.expect("a server"), 1);
    eventually("nothing stays", async || server.messages("retries.fifo").await == 0).await;
    work.stop().await;
}

/// The entries block each other, and all of them are handled all the same.
#[tokio::test]
async fn a_group_of_your_own_is_handled_one_after_the_other() {
    let server = Server::shared().await;
    let options = server.options("group.fifo").await.group(|_| "all of them".to_owned());
    let sender = sender(&options).await;
    for number in 1..=8 {
        sender.deliver(&Sent::single(number)).await;
    }
    let work = Work::start(&options.concurrency(16), |_| false).await;
    eventually("nothing stays", async || server.messages("group.fifo").await == 0).await;
    assert_eq!(work.count(), 8);
    let times: Vec<_> = work.seen.lock().expect("no panic").iter().map(|(_, at)| *at).collect();
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= TAKES, "two at a time");
    }
    work.stop().await;
}

/// One request returns all of them.
#[tokio::test]
async fn a_worker_that_stops_begins_none_that_waits_for_its_turn() {
    let server = Server::shared().await;
    let options = server.options("turns.fifo").await.group(|_| "all of them".to_owned());
    // It has no place for more: moto would give the others to a request that the worker has dropped. They are
    // hidden for longer than a test waits.
    let options = options.concurrency(4).visibility(Duration::from_secs(600));
    let sender = sender(&options).await;
    for number in 1..=4 {
        sender.deliver(&Sent::single(number)).await;
    }
    let gate = Arc::new(Semaphore::new(0));
    let first = Work::gated(&options, MemoryStore::new(), Arc::clone(&gate)).await;
    eventually("one is begun", async || first.begun() == 1).await;
    let seen = Arc::clone(&first.seen);
    let stopping = tokio::spawn(first.stop());
    sleep(Duration::from_millis(300)).await;
    gate.add_permits(4);
    stopping.await.expect("no panic");
    assert_eq!(seen.lock().expect("no panic").len(), 1);

    let second = Work::start(&options, |_| false).await;
    eventually("the others are handled", async || second.count() == 3).await;
    second.stop().await;
}

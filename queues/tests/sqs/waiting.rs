//! Entries that wait without an attempt.

use std::time::{Duration, Instant};

use nevent_webhooks::store::MemoryStore;

use crate::engine::{Work, sender};
use crate::server::Server;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::support::work::Told;

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
    let told = Told::default();
    let work = Work::with(&options, MemoryStore::new(), told.observer(), |_| false).await;
    eventually("it is delayed, and not held", async || {
        let (delayed, held) = server.delayed_and_held("early").await;
        delayed == 1 && held == 0
    })
    .await;
    eventually("it is handled", async || work.count() == 1).await;
    assert!(begun.elapsed() >= Duration::from_secs(4), "{:?}", begun.elapsed());
    eventually("nothing stays", async || server.messages("early").await == 0).await;
    work.stop().await;
    assert!(told.moves().is_empty());
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

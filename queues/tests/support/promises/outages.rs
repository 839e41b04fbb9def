//! The receiver and the worker while the broker is away.

use nevent_webhooks::store::MemoryStore;

use crate::support::engine::{Engine, sender};
use crate::support::eventually;
use crate::support::sender::{Sent, event_json};
use crate::support::work::{Told, Work};

pub async fn without_the_broker_the_sender_is_answered_503_until_it_is_back<E: Engine>() {
    let engine = E::alone().await;
    let options = engine.options();
    let (sender, told) = (sender::<E>(&options).await, Told::default());
    let work = Work::<E>::with(&options, MemoryStore::new(), told.observer(), |_| false).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;
    eventually("it is deleted", async || engine.entries().await == 0).await;

    engine.kill().await;
    let (status, text) = sender.attempt("single-2", &event_json("evt_single_2")).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
    let has_failed = |line: &String| line.starts_with("failed ");
    eventually("the worker notices", async || told.lines().iter().any(has_failed)).await;
    engine.up().await;
    sender.deliver(&Sent::single(3)).await;
    eventually("it is handled, too", async || work.ids().contains(&"evt_single_3".to_owned()))
        .await;
    eventually("it is deleted, too", async || engine.entries().await == 0).await;
    let refused = work.ids().contains(&"evt_single_2".to_owned());
    assert!(!E::IS_ATOMIC || !refused, "it was never accepted");
    work.stop().await;
}

//! The receiver and the worker while the broker is away.

use std::time::Duration;

use tokio::time::timeout;

use crate::broker::Broker;
use crate::support::eventually;
use crate::support::sender::{Sender, Sent, event_json};
use crate::work::{Work, sender};

async fn is_answered_503(sender: &Sender, body: &str) {
    let (status, text) = sender.attempt("single-2", body).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
}

#[tokio::test]
async fn without_the_broker_the_sender_is_answered_503_until_it_is_back() {
    let broker = Broker::start().await;
    let options = broker.options("tickets").timeout(Duration::from_millis(1_200));
    let sender = sender(&options).await;
    let work = Work::start(&options, |_| false).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;

    broker.kill();
    is_answered_503(&sender, &event_json("evt_single_2")).await;
    broker.up().await;
    sender.deliver(&Sent::single(2)).await;
    eventually("it is handled, too", async || work.count() >= 2).await;
    assert_eq!(work.ids(), ["evt_single_1", "evt_single_2"]);
    work.stop().await;
}

/// Each attempt is answered 503 until the topic takes larger records, or the sender gives up.
#[tokio::test]
async fn an_entry_that_is_too_large_is_answered_503() {
    let broker = Broker::shared().await;
    let settings = [
        ("message.timestamp.type", "LogAppendTime"),
        ("retention.ms", "1209600000"),
        ("max.message.bytes", "2000"),
    ];
    broker.create("small", &settings).await;
    let options = broker.options("small");
    let sender = sender(&options).await;
    sender.deliver(&Sent::single(1)).await;
    let large = format!(
        r#"{{"id":"evt_single_2","type":"fan.created","created":1,"data":{{"a":"{}"}}}}"#,
        "a".repeat(4_000)
    );
    is_answered_503(&sender, &large).await;
}

/// The process must be able to end before the platform kills it.
#[tokio::test]
async fn a_worker_stops_while_the_broker_is_silent() {
    let broker = Broker::start().await;
    let options = broker.options("tickets");
    let work = Work::start(&options, |_| false).await;
    sender(&options).await.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;
    broker.signal("-STOP");
    let stopped = timeout(Duration::from_secs(20), work.stop()).await;
    broker.signal("-CONT");
    assert!(stopped.is_ok(), "the worker waits for the broker");
}

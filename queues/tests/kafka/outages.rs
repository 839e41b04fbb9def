//! Entries that the broker does not take, and a broker that is silent.

use std::time::Duration;

use tokio::time::timeout;

use crate::broker::Broker;
use crate::engine::{Work, sender};
use crate::support::eventually;
use crate::support::sender::Sent;

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
    let (status, text) = sender.attempt("single-2", &large).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
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

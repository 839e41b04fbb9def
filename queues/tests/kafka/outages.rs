//! Entries that the broker does not take.

use crate::broker::Broker;
use crate::engine::sender;
use crate::support::sender::Sent;

/// Each attempt is answered 503 until the topic takes larger records, or the sender gives up.
#[tokio::test]
async fn an_entry_that_is_too_large_is_answered_503() {
    let broker = Broker::shared().await;
    let settings = [
        ("message.timestamp.type", "LogAppendTime"),
        ("retention.ms", "-1"),
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

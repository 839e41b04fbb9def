//! Configurations that are refused, and what the error says.

use std::time::Duration;

use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::kafka::{KafkaError, KafkaOptions, KafkaQueue};

use crate::broker::Broker;
use crate::support::ports::free_port;

async fn refusal(options: &KafkaOptions) -> KafkaError {
    let error = KafkaQueue::connect(options).await.expect_err("a refusal");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("hidden"), "{text}");
    error
}

const STAMPED: (&str, &str) = ("message.timestamp.type", "LogAppendTime");
const KEPT: (&str, &str) = ("retention.ms", "1209600000");

#[tokio::test]
async fn topics_that_would_lose_entries_are_refused() {
    let broker = Broker::shared().await;
    let cases = [
        ("compacted", vec![STAMPED, KEPT, ("cleanup.policy", "compact")], "cleanup.policy=compact"),
        ("short", vec![STAMPED, ("retention.ms", "60000")], "retention.ms=60000"),
        ("small", vec![STAMPED, KEPT, ("retention.bytes", "1000")], "retention.bytes=1000"),
        ("unstamped", vec![KEPT], "message.timestamp.type=CreateTime"),
        ("packed", vec![STAMPED, KEPT, ("compression.type", "zstd")], "compression.type=zstd"),
    ];
    for (name, settings, found) in cases {
        let name = format!("refused-{name}");
        broker.create(&name, &settings).await;
        let text = refusal(&broker.options(&name)).await.to_string();
        let begin = format!("the topic `{name}` would lose entries: it has {found}; set ");
        assert!(text.starts_with(&begin), "{text}");
        assert!(text.ends_with(", or choose another name"), "{text}");
    }
    broker.create("fit", &[STAMPED, KEPT]).await;
    KafkaQueue::connect(&broker.options("fit")).await.expect("it loses nothing");
}

/// Nor is it created so.
#[tokio::test]
async fn topics_that_keep_entries_longer_than_once_remembers_are_refused() {
    let broker = Broker::shared().await;
    broker.create("for-ever", &[STAMPED, ("retention.ms", "-1")]).await;
    let days = |days: u64| Duration::from_secs(86_400 * days);
    let options = broker.options("long").kept_for(days(60));
    for options in [broker.options("for-ever"), options.clone()] {
        let error = refusal(&options).await;
        assert!(matches!(error, KafkaError::KeptTooLong { .. }), "{error}");
    }
    KafkaQueue::connect(&options.once_remembers(days(62))).await.expect("it is created now");
}

#[tokio::test]
async fn dead_letters_that_cannot_be_deleted_are_refused() {
    let broker = Broker::shared().await;
    broker.create("kept.dead", &[STAMPED, KEPT]).await;
    let text = refusal(&broker.options("kept")).await.to_string();
    assert!(
        text.contains("it has cleanup.policy=delete; set cleanup.policy=compact,delete"),
        "{text}"
    );
}

#[tokio::test]
async fn topics_without_replicas_are_refused() {
    let broker = Broker::shared().await;
    broker.create("single", &[STAMPED, KEPT]).await;
    let replicated = KafkaOptions::new(&broker.address(), "single").expect("a name");
    let text = refusal(&replicated).await.to_string();
    assert!(text.contains("it has 1 replica; set at least 2, better 3"), "{text}");
}

#[tokio::test]
async fn other_options_than_those_of_the_topics_are_refused() {
    let broker = Broker::shared().await;
    let options = broker.options("options");
    KafkaQueue::connect(&options).await.expect("a broker");
    KafkaQueue::connect(&options).await.expect("the same options");
    let day = Duration::from_secs(86_400);
    refusal(&options.clone().kept_for(day * 15)).await;
    refusal(&options.clone().dead_letters_for(day * 31)).await;
    let other = RetryPolicy::new().first(Duration::from_secs(1));
    KafkaQueue::connect(&options.retry(other)).await.expect("other retry topics are created");
}

#[tokio::test]
async fn a_broker_that_cannot_be_reached_is_an_error_at_connect() {
    let nobody = format!("127.0.0.1:{}", free_port());
    let options = KafkaOptions::new(&nobody, "tickets").expect("a name");
    let error = refusal(&options.timeout(Duration::from_millis(200))).await;
    assert!(matches!(error, KafkaError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn options_that_cannot_be_used_are_refused() {
    let name = |name| KafkaOptions::new("127.0.0.1", name).expect_err("a refusal").to_string();
    assert!(name("").starts_with("the name of the topic must have"));
    assert!(name("a b").starts_with("the name of the topic must have"));
    let options = KafkaOptions::new("127.0.0.1", "tickets").expect("a name");
    let error = options.clone().client("acks", "0").expect_err("a refusal").to_string();
    assert!(error.starts_with("the setting `acks` of the client cannot be chosen"), "{error}");
    let mistaken = options.client("security.protocol", "hidden").expect("a setting");
    let error = refusal(&mistaken).await.to_string();
    assert!(error.ends_with("`security.protocol` is not valid"), "{error}");
}

#[test]
fn the_password_is_in_no_debug_text() {
    let options = KafkaOptions::new("127.0.0.1", "tickets").expect("a name");
    let options = options.client("sasl.password", "hidden").expect("a setting");
    assert!(!format!("{options:?}").contains("hidden"));
}

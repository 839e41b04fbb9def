//! Configurations that are refused, and what the error says.

use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use nevent_webhooks_queues::rabbitmq::{RabbitMqError, RabbitMqOptions, RabbitMqQueue};

use crate::broker::Broker;
use crate::engine::channel;
use crate::support::ports::free_port;

async fn refusal(options: &RabbitMqOptions) -> RabbitMqError {
    let error = RabbitMqQueue::connect(options).await.expect_err("a refusal");
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("hidden"), "{text}");
    error
}

async fn declare(broker: &Broker, queue: &str, options: QueueDeclareOptions, kind: &str) {
    let channel = channel(broker).await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
    channel.queue_declare(queue.into(), options, arguments).await.expect("a queue");
}

#[tokio::test]
async fn queues_that_would_lose_entries_are_refused() {
    let broker = Broker::shared().await;
    let durable = QueueDeclareOptions::durable();
    declare(&broker, "classic", durable, "classic").await;
    declare(&broker, "transient", QueueDeclareOptions::default(), "classic").await;
    // Its dead letters would be dropped.
    declare(&broker, "bare", durable, "quorum").await;
    for queue in ["classic", "transient", "bare"] {
        let error = refusal(&broker.options(queue)).await;
        assert!(matches!(error, RabbitMqError::OtherArguments { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("the queue `{queue}` exists with other arguments (")),
            "{text}"
        );
        assert!(text.ends_with("empty it and delete it, or choose another name"), "{text}");
    }
}

#[tokio::test]
async fn other_options_than_those_of_the_queue_are_refused() {
    let broker = Broker::shared().await;
    let options = broker.options("options");
    RabbitMqQueue::connect(&options).await.expect("a broker");
    RabbitMqQueue::connect(&options).await.expect("the same options");
    refusal(&options.clone().delivery_limit(1)).await;
    refusal(&options.dead_letters_for(Duration::from_secs(1))).await;
}

#[tokio::test]
async fn a_broker_that_cannot_be_used_is_an_error_at_connect() {
    let broker = Broker::shared().await;
    let wrong = format!("amqp://guest:hidden@127.0.0.1:{}/%2f", broker.port);
    let nobody = format!("amqp://guest:hidden@127.0.0.1:{}/%2f", free_port());
    let no_vhost = format!("amqp://guest:guest@127.0.0.1:{}/nowhere", broker.port);
    for url in [wrong, nobody, no_vhost] {
        let error = refusal(&RabbitMqOptions::new(&url, "tickets").expect("a URL")).await;
        assert!(matches!(error, RabbitMqError::Unreachable(_)), "{error:?}");
    }
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    let refusal = |url, queue| RabbitMqOptions::new(url, queue).expect_err("a refusal").to_string();
    assert!(refusal("http://guest:hidden@[", "tickets").ends_with("user:password@host:5672/%2f"));
    assert!(refusal("amqp://127.0.0.1", "").starts_with("the name of the queue must have"));
    let tls = RabbitMqOptions::new("amqps://127.0.0.1", "tickets");
    assert_eq!(tls.is_ok(), cfg!(feature = "rabbitmq-tls"));
}

#[test]
fn the_password_is_in_no_debug_text() {
    let options = RabbitMqOptions::new("amqp://guest:hidden@127.0.0.1", "tickets").expect("a URL");
    assert!(!format!("{options:?}").contains("hidden"));
}

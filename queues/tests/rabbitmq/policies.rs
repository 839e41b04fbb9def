//! What policies do that the guide forbids. A client cannot see them.

use std::sync::atomic::{AtomicU32, Ordering};

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use nevent_webhooks_queues::Select;
use nevent_webhooks_queues::rabbitmq::RabbitMqDeadLetters;

use crate::broker::Broker;
use crate::engine::{Work, channel, sender};
use crate::support::eventually;
use crate::support::sender::Sent;

fn set_policy(broker: &Broker, queue: &str, definition: &str) {
    let pattern = format!("^{}$", queue.replace('.', "\\."));
    broker.ctl(&["set_policy", queue, &pattern, definition, "--apply-to", "queues"]);
}

async fn messages(broker: &Broker, queue: &str) -> u32 {
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let channel = channel(broker).await;
    let declared = channel.queue_declare(queue.into(), passive, FieldTable::default());
    declared.await.expect("a queue").message_count()
}

/// If this fails, the broker has become safer, and the guide may say so.
#[tokio::test]
async fn a_policy_can_drop_what_was_answered_200() {
    let broker = Broker::shared().await;
    let sender = sender(&broker.options("dropping")).await;
    set_policy(&broker, "dropping", r#"{"max-length":1,"overflow":"drop-head"}"#);
    // The guide's commands.
    broker.ctl(&["list_queues", "name", "policy"]);
    broker.ctl(&["list_policies"]);
    broker.ctl(&["list_operator_policies"]);
    let number = AtomicU32::new(1);
    eventually("the oldest are gone", async || {
        // Until it is answered 200.
        sender.deliver(&Sent::single(number.fetch_add(1, Ordering::Relaxed))).await;
        number.load(Ordering::Relaxed) > 3 && messages(&broker, "dropping").await == 1
    })
    .await;
    broker.ctl(&["clear_policy", "dropping"]);
}

/// The same.
#[tokio::test]
async fn a_policy_can_drop_a_dead_letter_that_is_listed() {
    let broker = Broker::shared().await;
    let options = broker.options("listed");
    let work = Work::start(&options, |_| false).await;
    assert_eq!(sender(&options).await.attempt("no-event", "not JSON").await.0, 200);
    let dead = RabbitMqDeadLetters::connect(&options).await.expect("a broker");
    let count = async || dead.list(100).await.expect("a broker").len();
    eventually("it is dead", async || count().await == 1).await;
    for _ in 0..30 {
        assert_eq!(count().await, 1, "without a policy, it stays");
    }
    set_policy(&broker, "listed.dead", r#"{"delivery-limit":3}"#);
    eventually("it is gone", async || count().await == 0).await;
    assert_eq!(dead.replay(Select::All).await.expect("a broker"), 0);
    broker.ctl(&["clear_policy", "listed.dead"]);
    work.stop().await;
}

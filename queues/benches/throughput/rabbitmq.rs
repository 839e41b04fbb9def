use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use nevent_webhooks::queue::{Once, Queue};
use nevent_webhooks_queues::rabbitmq::{RabbitMqQueue, RabbitMqWorker};

use crate::engine::{CONCURRENCY, Engine, Tasks, each_at_once};
use crate::servers::rabbitmq::Broker;
use crate::taken::Taken;

/// A quorum queue on one node.
///
/// The plain producer has all its unconfirmed messages on one channel, the engine each on its own: only so
/// can it tell which one the broker has returned.
pub struct Rabbit {
    broker: Broker,
    connection: Connection,
    publisher: Channel,
}

const QUEUE: &str = "tickets";
const PLAIN: &str = "plain";

impl Engine for Rabbit {
    const NAME: &str = "rabbitmq";

    async fn start() -> Self {
        let broker = Broker::start().await;
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&broker.url(), properties).await.expect("a broker");
        let publisher = connection.create_channel().await.expect("a broker");
        publisher.confirm_select(ConfirmSelectOptions::default()).await.expect("a broker");
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        publisher.queue_declare(PLAIN.into(), durable, quorum).await.expect("a queue");
        Self { broker, connection, publisher }
    }

    async fn queue(&self) -> impl Queue {
        RabbitMqQueue::connect(&self.broker.options(QUEUE)).await.expect("a broker")
    }

    async fn work(&self, once: &Once, taken: &Arc<Taken>) {
        let worker = RabbitMqWorker::connect(&self.broker.options(QUEUE)).await.expect("a broker");
        worker.run(once, taken.handler(), taken.all()).await;
    }

    async fn produce(&self, body: &str) -> Duration {
        each_at_once(Self::COUNT, |_| {
            let (channel, body) = (self.publisher.clone(), body.to_owned());
            async move {
                let persistent = BasicProperties::default().with_delivery_mode(2);
                let options = BasicPublishOptions { mandatory: true, ..Default::default() };
                let publish = channel.basic_publish(
                    "".into(),
                    PLAIN.into(),
                    options,
                    body.as_bytes(),
                    persistent,
                );
                let confirm = publish.await.expect("a broker").await.expect("a broker");
                assert!(confirm.is_ack());
            }
        })
        .await
    }

    async fn consume(&self, taken: &Arc<Taken>) {
        let channel = self.connection.create_channel().await.expect("a broker");
        channel.basic_qos(CONCURRENCY, BasicQosOptions::default()).await.expect("a broker");
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer = channel.basic_consume(PLAIN.into(), "plain".into(), options, none).await;
        let mut entries = consumer.expect("a broker").take(Self::COUNT as usize);
        let mut tasks = Tasks::of_a_consumer();
        while let Some(entry) = entries.next().await {
            let (entry, taken) = (entry.expect("a broker"), Arc::clone(taken));
            let acknowledge = async move {
                taken.one();
                entry.acker.ack(BasicAckOptions::default()).await.expect("a broker");
            };
            tasks.spawn(acknowledge).await;
        }
        tasks.end().await;
        channel.close(200, "done".into()).await.expect("a broker");
    }
}

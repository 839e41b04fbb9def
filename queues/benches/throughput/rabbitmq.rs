use std::sync::Arc;

use axum::Router;
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
    ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use nevent_webhooks::queue::Once;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::rabbitmq::{RabbitMqQueue, RabbitMqWorker};

use crate::broker::Broker;
use crate::engine::{CONCURRENCY, COUNT, Engine, Handled, each_at_once};
use crate::support::receiver;

pub struct Rabbit {
    broker: Broker,
    connection: Connection,
}

const QUEUE: &str = "tickets";
const PLAIN: &str = "plain";

impl Rabbit {
    async fn channel(&self) -> Channel {
        self.connection.create_channel().await.expect("a broker")
    }
}

impl Engine for Rabbit {
    const NAME: &str = "rabbitmq";

    async fn start() -> Self {
        let broker = Broker::start().await;
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&broker.url(), properties).await.expect("a broker");
        let channel = connection.create_channel().await.expect("a broker");
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(PLAIN.into(), durable, quorum).await.expect("a queue");
        Self { broker, connection }
    }

    async fn receiver(&self) -> Router {
        let queue = RabbitMqQueue::connect(&self.broker.options(QUEUE)).await.expect("a broker");
        receiver::app(queue, MemoryStore::new())
    }

    async fn work(&self, once: &Once, handled: &Arc<Handled>) {
        let worker = RabbitMqWorker::connect(&self.broker.options(QUEUE)).await.expect("a broker");
        worker.run(once, handled.handler(), handled.all()).await;
    }

    async fn produce(&self, body: &str) {
        let (channel, body) = (self.channel().await, body.to_owned());
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("a broker");
        each_at_once(|_| {
            let (channel, body) = (channel.clone(), body.clone());
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
        .await;
    }

    async fn consume(&self) {
        let channel = self.channel().await;
        channel.basic_qos(CONCURRENCY, BasicQosOptions::default()).await.expect("a broker");
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumer = channel.basic_consume(PLAIN.into(), "plain".into(), options, none).await;
        let mut entries = consumer.expect("a broker").take(COUNT as usize);
        while let Some(entry) = entries.next().await {
            let acker = entry.expect("a broker").acker;
            acker.ack(BasicAckOptions::default()).await.expect("a broker");
        }
        channel.close(200, "done".into()).await.expect("a broker");
    }
}

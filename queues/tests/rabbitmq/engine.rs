use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use nevent_webhooks::store::Store;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::rabbitmq::{
    RabbitMqDeadLetters, RabbitMqError, RabbitMqOptions, RabbitMqQueue, RabbitMqWorker,
};

use crate::broker::Broker;
use crate::support::engine::{Engine, Foreign, engine_connects};
use crate::support::receiver;
use crate::support::sender::Sender;

pub type Work = crate::support::work::Work<RabbitMq>;
pub type Dead = crate::support::engine::Dead<RabbitMq>;

pub async fn sender(options: &RabbitMqOptions) -> Sender {
    crate::support::engine::sender::<RabbitMq>(options).await
}

pub struct RabbitMq {
    broker: Arc<Broker>,
    queue: &'static str,
}

/// The delays of the promises, each of which has a queue.
const DELAYS: [u32; 13] =
    [50, 200, 300, 400, 500, 600, 800, 1_000, 1_200, 1_600, 2_000, 10_000, 600_000];

impl Engine for RabbitMq {
    type Broker = Broker;

    /// The broker moves a dead letter as it was, so it does not say how its handler ended.
    const PANICKED: &'static str = "failed";

    engine_connects!(
        RabbitMqOptions,
        RabbitMqQueue,
        RabbitMqWorker,
        RabbitMqDeadLetters,
        RabbitMqError
    );

    async fn shared(queue: &'static str) -> Self {
        Self { broker: Broker::shared().await, queue }
    }

    async fn alone() -> Self {
        Self { broker: Arc::new(Broker::start().await), queue: "tickets" }
    }

    fn broker(&self) -> &Broker {
        &self.broker
    }

    async fn kill(&self) {
        self.broker.kill();
    }

    async fn up(&self) {
        self.broker.up().await;
    }

    /// The broker does not tell a client how many are in hand.
    async fn entries(&self) -> usize {
        let connection = connect(&self.broker).await;
        let retry = DELAYS.map(|delay| format!("{}.retry.{delay}", self.queue));
        let mut entries = 0;
        for queue in [self.queue.to_owned()].into_iter().chain(retry) {
            // The channel ends if there is no such queue.
            let channel = connection.create_channel().await.expect("a channel");
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            let declared = channel.queue_declare(queue.into(), passive, FieldTable::default());
            entries += declared.await.map_or(0, |queue| queue.message_count() as usize);
        }
        entries
    }

    async fn publish(&self, foreign: Foreign) -> Option<String> {
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let (properties, name) = match foreign {
            Foreign::Unreadable => {
                (persistent.with_message_id("foreign".into()), Some("foreign".to_owned()))
            }
            Foreign::Newer => {
                let mut headers = FieldTable::default();
                headers
                    .insert("webhook-envelope-version".into(), AMQPValue::LongString("2".into()));
                (persistent.with_headers(headers), None)
            }
        };
        let (routing, options) = (self.queue.into(), BasicPublishOptions::default());
        let channel = channel(&self.broker).await;
        channel
            .basic_publish("".into(), routing, options, b"?", properties)
            .await
            .expect("a broker");
        name
    }

    /// The longest retry queue has it for 50 ms.
    async fn hurry(&self) -> bool {
        true
    }

    fn address(&self) -> String {
        self.broker.url()
    }

    fn options(&self) -> RabbitMqOptions {
        self.broker.options(self.queue)
    }

    async fn options_at(address: &str, queue: &str) -> Result<RabbitMqOptions, RabbitMqError> {
        RabbitMqOptions::new(address, queue)
    }

    /// The broker and the worker count up to the limit, each of them.
    fn crashing(options: RabbitMqOptions) -> RabbitMqOptions {
        options.delivery_limit(1)
    }

    fn crowded(options: RabbitMqOptions) -> RabbitMqOptions {
        options.delivery_limit(15)
    }

    /// Each kill counts for all entries in flight.
    fn enduring(options: RabbitMqOptions) -> RabbitMqOptions {
        let retry = RetryPolicy::new().first(Duration::from_millis(500)).attempts(1_000);
        options.retry(retry.longest(Duration::from_secs(2))).delivery_limit(1_000)
    }

    /// A connection that stands keeps its entries for 30 minutes.
    fn impatient(options: RabbitMqOptions) -> (RabbitMqOptions, Duration) {
        (options, Duration::from_secs(1))
    }

    async fn receiver(
        options: &RabbitMqOptions,
        store: impl Store,
    ) -> Result<Router, RabbitMqError> {
        Ok(receiver::app(RabbitMqQueue::connect(options).await?, store))
    }
}

pub async fn connect(broker: &Broker) -> Connection {
    let connected = Connection::connect(&broker.url(), ConnectionProperties::default()).await;
    connected.expect("a broker")
}

/// A channel of a client of the test's own.
pub async fn channel(broker: &Broker) -> Channel {
    connect(broker).await.create_channel().await.expect("a channel")
}

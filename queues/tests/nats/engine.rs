use std::sync::Arc;
use std::time::Duration;

use async_nats::HeaderMap;
use axum::Router;
use nevent_webhooks::store::Store;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::nats::{
    NatsDeadLetters, NatsError, NatsOptions, NatsQueue, NatsWorker,
};

use crate::broker::Broker;
use crate::support::engine::{Engine, Foreign, engine_connects};
use crate::support::receiver;
use crate::support::sender::Sender;

pub type Work = crate::support::work::Work<Nats>;
pub type Dead = crate::support::engine::Dead<Nats>;

pub async fn sender(options: &NatsOptions) -> Sender {
    crate::support::engine::sender::<Nats>(options).await
}

pub struct Nats {
    broker: Arc<Broker>,
    queue: &'static str,
}

impl Engine for Nats {
    type Broker = Broker;

    /// The worker tells before it pauses.
    const FIRST_PAUSE: Duration = Duration::from_millis(200);

    engine_connects!(NatsOptions, NatsQueue, NatsWorker, NatsDeadLetters, NatsError);

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

    async fn entries(&self) -> usize {
        usize::try_from(self.broker.messages(self.queue).await).expect("few")
    }

    async fn publish(&self, foreign: Foreign) -> Option<String> {
        let mut headers = HeaderMap::new();
        if matches!(foreign, Foreign::Newer) {
            headers.insert("webhook-envelope-version", "2");
        }
        let context = self.broker.context().await;
        let published = context.publish_with_headers(self.queue, headers, "?".into()).await;
        let sequence = published.expect("a server").await.expect("a stream").sequence;
        Some(sequence.to_string())
    }

    fn address(&self) -> String {
        self.broker.url()
    }

    fn options(&self) -> NatsOptions {
        self.broker.options(self.queue)
    }

    async fn options_at(address: &str, queue: &str) -> Result<NatsOptions, NatsError> {
        Ok(NatsOptions::new(address, queue)?.ack_wait(Duration::from_secs(1)))
    }

    /// The server and the worker count up to the limit, each of them.
    fn crashing(options: NatsOptions) -> NatsOptions {
        options.delivery_limit(1)
    }

    fn crowded(options: NatsOptions) -> NatsOptions {
        options.delivery_limit(15)
    }

    /// Each kill counts for all entries in flight.
    fn enduring(options: NatsOptions) -> NatsOptions {
        let retry = RetryPolicy::new().first(Duration::from_millis(500)).attempts(1_000);
        let options = options.retry(retry.longest(Duration::from_secs(2))).delivery_limit(1_000);
        options.ack_wait(Duration::from_secs(2))
    }

    fn impatient(options: NatsOptions) -> (NatsOptions, Duration) {
        let wait = Duration::from_secs(1);
        (options.ack_wait(wait), wait)
    }

    async fn receiver(options: &NatsOptions, store: impl Store) -> Result<Router, NatsError> {
        Ok(receiver::app(NatsQueue::connect(options).await?, store))
    }
}

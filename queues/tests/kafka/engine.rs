use std::sync::Arc;
use std::time::Duration;

use axum::{Router, routing::post};
use nevent_webhooks::queue::hand_over;
use nevent_webhooks::store::Store;
use nevent_webhooks::{DedupeLayer, Verifier, VerifyLayer};
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::kafka::{
    KafkaDeadLetters, KafkaError, KafkaOptions, KafkaQueue, KafkaWorker,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError as KafkaFailure, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use tokio::task::spawn_blocking;

use crate::broker::{self, Broker, client, publish};
use crate::support::engine::{Engine, Foreign, connected, engine_connects};
use crate::support::ledger::Load;
use crate::support::receiver;
use crate::support::sender::Sender;

pub type Work = crate::support::work::Work<Kafka>;

pub async fn sender(options: &KafkaOptions) -> Sender {
    crate::support::engine::sender::<Kafka>(options).await
}

pub struct Kafka {
    broker: Arc<Broker>,
    topic: &'static str,
    timeout: Duration,
}

const NO_METADATA: &str =
    "Tansu does not keep the metadata of a commit, in which the worker counts";

impl Engine for Kafka {
    type Broker = Broker;

    const CANNOT: &'static [(&'static str, &'static str)] = &[
        ("an_entry_that_kills_its_workers_is_a_dead_letter_in_spite_of_their_leases", NO_METADATA),
        ("entries_that_share_a_worker_with_one_that_kills_it_are_handled", NO_METADATA),
    ];
    const LEDGER: Load = Load { singles: 60, batches: 4, spread: Duration::from_secs(8) };
    const LONG_LEDGER: Load =
        Load { singles: 9_500, batches: 500, spread: Duration::from_secs(300) };

    engine_connects!(KafkaOptions, KafkaQueue, KafkaWorker, KafkaDeadLetters, KafkaError);

    async fn shared(topic: &'static str) -> Self {
        Self { broker: Broker::shared().await, topic, timeout: Duration::from_secs(2) }
    }

    async fn alone() -> Self {
        // The sender of a test waits 2 s.
        let timeout = Duration::from_millis(1_200);
        Self { broker: Arc::new(Broker::start().await), topic: "tickets", timeout }
    }

    async fn for_ledger() -> Self {
        Self { timeout: Duration::from_secs(2), ..Self::alone().await }
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

    /// Kafka deletes none, so those that the group has not committed.
    async fn entries(&self) -> usize {
        let (address, topic) = (self.broker.address(), self.topic);
        connected(async || {
            let address = address.clone();
            spawn_blocking(move || uncommitted(&address, topic)).await.expect("no panic")
        })
        .await
    }

    async fn publish(&self, foreign: Foreign) -> Option<String> {
        let newer = Some(("webhook-envelope-version", "2"));
        let header = if matches!(foreign, Foreign::Newer) { newer } else { None };
        publish(&self.broker.address(), self.topic, header, b"?").await;
        None
    }

    /// The longest retry topic has it for 50 ms.
    async fn hurry(&self) -> bool {
        true
    }

    fn address(&self) -> String {
        self.broker.address()
    }

    fn options(&self) -> KafkaOptions {
        self.broker.options(self.topic).timeout(self.timeout)
    }

    async fn options_at(address: &str, topic: &str) -> Result<KafkaOptions, KafkaError> {
        Ok(broker::options(address, topic))
    }

    fn crashing(options: KafkaOptions) -> KafkaOptions {
        options.delivery_limit(1)
    }

    /// Each kill counts for all entries in flight.
    fn enduring(options: KafkaOptions) -> KafkaOptions {
        let retry = RetryPolicy::new().first(Duration::from_millis(500)).attempts(1_000);
        options.retry(retry.longest(Duration::from_secs(2))).delivery_limit(1_000)
    }

    fn impatient(options: KafkaOptions) -> (KafkaOptions, Duration) {
        let session = Duration::from_secs(2);
        (options.session_timeout(session), session)
    }

    /// It has the usual response deadline, so that a busy machine does not lead to copies.
    async fn receiver(options: &KafkaOptions, store: impl Store) -> Result<Router, KafkaError> {
        let queue = KafkaQueue::connect(options).await?;
        let verify = VerifyLayer::new(Verifier::new(receiver::secret()));
        let dedupe = DedupeLayer::new(receiver::SCOPE, store).expect("safe options");
        let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
        Ok(Router::new().route("/webhooks/nevent", webhook))
    }
}

const ANSWER: Duration = Duration::from_secs(10);

/// Reads from what the group has committed to the end.
fn uncommitted(address: &str, topic: &str) -> KafkaResult<usize> {
    let mut config = client(address);
    config.set("group.id", topic).set("enable.auto.commit", "false");
    config.set("auto.offset.reset", "earliest").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.set("fetch.wait.max.ms", "50").create()?;
    let (metadata, retry) = (consumer.fetch_metadata(None, ANSWER)?, format!("{topic}.retry."));
    let mut partitions = TopicPartitionList::new();
    let is_read = |name: &str| name == topic || name.starts_with(&retry);
    for topic in metadata.topics().iter().filter(|topic| is_read(topic.name())) {
        for partition in topic.partitions() {
            partitions.add_partition(topic.name(), partition.id());
        }
    }
    let mut from = TopicPartitionList::new();
    for committed in consumer.committed_offsets(partitions, ANSWER)?.elements() {
        let offset = committed.offset().to_raw().filter(|offset| *offset >= 0);
        let offset = offset.map_or(Offset::Beginning, Offset::Offset);
        from.add_partition_offset(committed.topic(), committed.partition(), offset)?;
    }
    consumer.assign(&from)?;
    let (mut left, mut ends) = (0, 0);
    while ends < from.count() {
        match consumer.poll(ANSWER) {
            Some(Ok(_)) => left += 1,
            Some(Err(KafkaFailure::PartitionEOF(_))) => ends += 1,
            Some(Err(error)) => return Err(error),
            None => return Err(KafkaFailure::Canceled),
        }
    }
    Ok(left)
}

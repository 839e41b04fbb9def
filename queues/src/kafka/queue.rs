use std::sync::Arc;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};
use tokio::time::timeout;

use super::client::Limit;
use super::guard::Guard;
use super::message::headers_of;
use super::publisher::{Publisher, Record};
use super::{KafkaError, KafkaOptions};

/// The receiver's half: a [`Queue`] whose `put` returns when all replicas of the partition that are in sync
/// have the entry.
///
/// While no broker answers, puts fail after [`KafkaOptions::timeout`], and the sender is answered 503. The
/// connection is restored in the background. Clones share it.
///
/// ```no_run
/// use axum::{Router, routing::post};
/// use nevent_webhooks::queue::hand_over;
/// use nevent_webhooks::store::MemoryStore;
/// use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer};
/// use nevent_webhooks_queues::kafka::{KafkaOptions, KafkaQueue};
///
/// # async fn receiver() -> Result<Router, Box<dyn std::error::Error>> {
/// let options = KafkaOptions::new("kafka-1:9092,kafka-2:9092", "tickets")?;
/// let queue = KafkaQueue::connect(&options).await?;
/// let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
/// let dedupe = DedupeLayer::new("receiver", MemoryStore::new())?;
/// let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
/// # Ok(Router::new().route("/webhooks/nevent", webhook)) }
/// ```
#[derive(Debug, Clone)]
pub struct KafkaQueue {
    publisher: Arc<Publisher>,
    guard: Arc<Guard>,
    options: Arc<KafkaOptions>,
}

impl KafkaQueue {
    /// Connects to the brokers, creates the topics that do not exist, and checks the others. They are
    /// checked again each minute, and puts fail while they would lose entries.
    ///
    /// # Errors
    ///
    /// [`KafkaError`]: no broker can be reached, or a topic would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &KafkaOptions) -> Result<Self, KafkaError> {
        let largest = options.check().await?;
        let publisher = Arc::new(Publisher::new(options, Limit::of_entries(largest))?);
        let guard = Arc::new(Guard::new(options.clone(), Arc::clone(&publisher)));
        Ok(Self { publisher, guard, options: Arc::new(options.clone()) })
    }

    async fn publish(&self, envelope: &Envelope) -> Result<(), KafkaError> {
        self.guard.check()?;
        let (publisher, options) = (Arc::clone(&self.publisher), Arc::clone(&self.options));
        let (key, headers, body) =
            ((options.key)(envelope), headers_of(envelope), envelope.body().clone());
        let limit = options.timeout;
        // A task of its own, because the receiver may give up before the client does. A producer that has
        // failed would not be replaced then.
        let putting = tokio::spawn(async move {
            let (topic, key, value) = (&*options.topic, key.as_bytes(), Some(&*body));
            publisher.publish(Record { topic, partition: None, key, headers, value }).await
        });
        // The client looks only once a second for records whose time is over.
        match timeout(limit, putting).await {
            Ok(Ok(put)) => put,
            Ok(Err(_)) => Err(KafkaError::Broker("the client has failed".to_owned())),
            Err(_) => Err(KafkaError::TimedOut(limit)),
        }
    }
}

impl Queue for KafkaQueue {
    async fn put(&self, envelope: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
        self.publish(envelope).await.map_err(QueueError::unavailable)
    }
}

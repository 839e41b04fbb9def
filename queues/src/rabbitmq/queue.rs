use std::sync::Arc;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};

use super::link::Link;
use super::message::message_of;
use super::{RabbitMqError, RabbitMqOptions};

/// The receiver's half: a [`Queue`] whose `put` returns when a majority of the quorum queue's replicas has
/// the entry on disk.
///
/// While there is no connection, puts fail at once, and the sender is answered 503. The connection is
/// restored in the background. Clones share it.
///
/// ```no_run
/// use axum::{Router, routing::post};
/// use nevent_webhooks::queue::hand_over;
/// use nevent_webhooks::store::MemoryStore;
/// use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer};
/// use nevent_webhooks_queues::rabbitmq::{RabbitMqOptions, RabbitMqQueue};
///
/// # async fn receiver() -> Result<Router, Box<dyn std::error::Error>> {
/// let options = RabbitMqOptions::new("amqp://guest:guest@127.0.0.1:5672/%2f", "tickets")?;
/// let queue = RabbitMqQueue::connect(&options).await?;
/// let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
/// let dedupe = DedupeLayer::new("receiver", MemoryStore::new())?;
/// let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
/// # Ok(Router::new().route("/webhooks/nevent", webhook)) }
/// ```
#[derive(Debug, Clone)]
pub struct RabbitMqQueue {
    link: Arc<Link>,
    options: Arc<RabbitMqOptions>,
}

impl RabbitMqQueue {
    /// Connects to the broker, and declares the queues.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`]: the broker cannot be reached, or has one of the queues with other arguments.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &RabbitMqOptions) -> Result<Self, RabbitMqError> {
        let link = Arc::new(Link::connect(options).await?);
        Ok(Self { link, options: Arc::new(options.clone()) })
    }

    /// Whether there is a connection at the moment, for health checks.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.session().is_ok()
    }

    async fn publish(&self, envelope: &Envelope) -> Result<(), RabbitMqError> {
        let (properties, body) = message_of(envelope);
        self.link.publish(&self.options, &self.options.name, properties, &body).await
    }
}

impl Queue for RabbitMqQueue {
    async fn put(&self, envelope: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
        self.publish(envelope).await.map_err(QueueError::unavailable)
    }
}

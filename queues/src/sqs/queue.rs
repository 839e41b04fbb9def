use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};

use super::api::Outgoing;
use super::link::Link;
use super::message::{deduplication_id, group_of, text_of};
use super::{SqsError, SqsOptions};

/// The receiver's half: a [`Queue`] whose `put` returns when SQS has confirmed that it has stored the entry.
///
/// While SQS does not answer, puts fail, and the sender is answered 503. Clones share the client.
///
/// ```no_run
/// use aws_config::BehaviorVersion;
/// use axum::{Router, routing::post};
/// use nevent_webhooks::queue::hand_over;
/// use nevent_webhooks::store::MemoryStore;
/// use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer};
/// use nevent_webhooks_queues::sqs::{SqsOptions, SqsQueue};
///
/// # async fn receiver() -> Result<Router, Box<dyn std::error::Error>> {
/// let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
/// let queue = SqsQueue::connect(&SqsOptions::new(&aws, "tickets")?).await?;
/// let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
/// let dedupe = DedupeLayer::new("receiver", MemoryStore::new())?;
/// let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
/// # Ok(Router::new().route("/webhooks/nevent", webhook)) }
/// ```
#[derive(Debug, Clone)]
pub struct SqsQueue {
    link: Arc<Link>,
    options: Arc<SqsOptions>,
}

impl SqsQueue {
    /// Finds the queue, and checks its configuration.
    ///
    /// # Errors
    ///
    /// [`SqsError`]: SQS cannot be reached, there is no such queue, or it would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, and for a client's configuration without a behavior version.
    pub async fn connect(options: &SqsOptions) -> Result<Self, SqsError> {
        let link = Arc::new(Link::connect(options).await?);
        link.safe_queues()?;
        Ok(Self { link, options: Arc::new(options.clone()) })
    }

    async fn send(&self, envelope: &Envelope) -> Result<(), SqsError> {
        let queues = self.link.safe_queues()?;
        let body = text_of(envelope);
        if body.len() > queues.limit {
            return Err(SqsError::TooLarge { size: body.len(), limit: queues.limit });
        }
        let group = || group_of(envelope, self.options.group.as_ref());
        let message = Outgoing {
            body: &body,
            attributes: HashMap::new(),
            delay: Duration::ZERO,
            fifo: queues.is_fifo.then(|| (group(), deduplication_id(envelope))),
        };
        self.link.api.send(&queues.url, message).await
    }
}

impl Queue for SqsQueue {
    async fn put(&self, envelope: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
        self.send(envelope).await.map_err(QueueError::unavailable)
    }
}

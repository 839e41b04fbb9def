use std::sync::Arc;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};

use super::link::Link;
use super::message::{length, message_of};
use super::{NatsError, NatsOptions};

/// For the headers that an entry gets on its way. Without the room for them, it could never be tried again or
/// become a dead letter.
const RESERVE: usize = 1024;

/// The receiver's half: a [`Queue`] whose `put` returns when the stream has written the entry to its file, and
/// with [`NatsOptions::replicas`] of 3 when a majority of the servers has it.
///
/// By default, each server syncs its file to its disk later: see [the module](super#a-power-failure).
///
/// While there is no connection, puts fail at once, and the sender is answered 503. The connection is
/// restored in the background. Clones share it.
///
/// ```no_run
/// use axum::{Router, routing::post};
/// use nevent_webhooks::queue::hand_over;
/// use nevent_webhooks::store::MemoryStore;
/// use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer};
/// use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue};
///
/// # async fn receiver() -> Result<Router, Box<dyn std::error::Error>> {
/// let queue = NatsQueue::connect(&NatsOptions::new("nats://127.0.0.1:4222", "tickets")?).await?;
/// let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
/// let dedupe = DedupeLayer::new("receiver", MemoryStore::new())?;
/// let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
/// # Ok(Router::new().route("/webhooks/nevent", webhook)) }
/// ```
#[derive(Debug, Clone)]
pub struct NatsQueue {
    link: Arc<Link>,
    stream: Arc<str>,
}

impl NatsQueue {
    /// Connects to a server, and creates the streams or checks those that exist.
    ///
    /// # Errors
    ///
    /// [`NatsError`]: no server can be reached, or one of the streams would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &NatsOptions) -> Result<Self, NatsError> {
        let link = Arc::new(Link::connect(options).await?);
        Ok(Self { link, stream: options.name.as_str().into() })
    }

    /// Whether there is a connection at the moment, and the streams lose nothing, for health checks.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.link.check().is_ok()
    }
}

impl Queue for NatsQueue {
    async fn put(&self, envelope: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
        let (headers, body) = message_of(envelope);
        let limit = self.link.largest().saturating_sub(RESERVE);
        if length(&headers) + body.len() > limit {
            return Err(QueueError::unavailable(NatsError::TooLarge { limit }));
        }
        let published = self.link.publish(&self.stream, headers, body).await;
        published.map_err(QueueError::unavailable)
    }
}

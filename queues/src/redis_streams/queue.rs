use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};
use nevent_webhooks::store::{RedisEffects, RedisStore};

use super::entry::ENVELOPE;
use super::keys::Keys;

/// Puts each delivery into the stream of its scope, and completes its claim with the same script.
///
/// The route's `DedupeLayer` must use
/// [`RedisStreams::store`](super::RedisStreams::store). With `appendfsync always` the server answers when
/// both are on its disk.
///
/// A tenant's deliveries are refused (503): each tenant has a scope, and so a stream, of its own, which no
/// worker could name.
#[derive(Debug, Clone)]
pub struct RedisStreamsQueue(RedisStore);

impl RedisStreamsQueue {
    pub(super) fn new(store: RedisStore) -> Self {
        Self(store)
    }
}

impl Queue for RedisStreamsQueue {
    async fn put(&self, envelope: &Envelope, claim: &ClaimHandle) -> Result<(), QueueError> {
        if envelope.tenant().is_some() {
            return Err(QueueError::unavailable(
                "a stream has no tenants: give each its own route",
            ));
        }
        let key = Keys::of(claim.scope()).queue;
        let entry = RedisEffects::new().xadd(key, [(ENVELOPE, envelope.to_json())]);
        Ok(self.0.complete_with(claim, entry).await?)
    }
}

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};
use nevent_webhooks::store::RedisEffects;

use super::entry::ENVELOPE;
use super::keys::Keys;
use super::{RedisStreams, RedisStreamsError};

/// Puts each delivery into the stream of its scope, and completes its claim with the same script.
///
/// The route's `DedupeLayer` must use
/// [`RedisStreams::store`](super::RedisStreams::store). With `appendfsync always` the server answers when
/// both are on its disk.
///
/// Before an entry is put, the server's configuration is checked again, at most once a second. A server
/// that was restarted with a configuration that loses entries is refused (503).
///
/// An entry of more than 64 MiB is refused (503).
///
/// A tenant's deliveries are refused (503): each tenant has a scope, and so a stream, of its own, which no
/// worker could name.
#[derive(Clone)]
pub struct RedisStreamsQueue {
    redis: RedisStreams,
    /// When the server was last known to lose nothing. `None` after a failure: it may have been restarted.
    checked: Arc<Mutex<Option<Instant>>>,
}

const CHECKED_FOR: Duration = Duration::from_secs(1);

impl RedisStreamsQueue {
    pub(super) fn new(redis: RedisStreams) -> Self {
        Self { redis, checked: Arc::default() }
    }

    async fn check(&self) -> Result<(), RedisStreamsError> {
        let checked = *self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.is_some_and(|at| at.elapsed() < CHECKED_FOR) {
            return Ok(());
        }
        let begun = Instant::now();
        match self.redis.ready().await {
            // The first call after an interruption finds the broken connection.
            Err(RedisStreamsError::Failed { .. }) => self.redis.ready().await?,
            checked => checked?,
        }
        self.set_checked(Some(begun));
        Ok(())
    }

    fn set_checked(&self, at: Option<Instant>) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }
}

impl Queue for RedisStreamsQueue {
    async fn put(&self, envelope: &Envelope, claim: &ClaimHandle) -> Result<(), QueueError> {
        if envelope.tenant().is_some() {
            return Err(QueueError::unavailable(
                "a stream has no tenants: give each its own route",
            ));
        }
        self.check().await.map_err(QueueError::unavailable)?;
        let key = Keys::of(claim.scope()).queue;
        let entry = RedisEffects::new().xadd(key, [(ENVELOPE, envelope.to_json())]);
        let put = self.redis.store().complete_with(claim, entry).await;
        if put.is_err() {
            self.set_checked(None);
        }
        Ok(put?)
    }
}

impl fmt::Debug for RedisStreamsQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStreamsQueue").field(&self.redis).finish()
    }
}

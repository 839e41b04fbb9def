//! The store: Redis, or this process's memory.

use std::error::Error;
use std::sync::Arc;

use nevent_webhooks::store::{MemoryStore, RedisStore, SharedStore};

#[derive(Clone)]
pub enum Memory {
    Own(Arc<MemoryStore>),
    Redis(RedisStore),
}

impl Memory {
    pub async fn from_env() -> Result<Self, Box<dyn Error>> {
        let url = crate::variable("REDIS_URL", "");
        if url.is_empty() {
            return Ok(Self::Own(Arc::new(MemoryStore::new())));
        }
        let store = RedisStore::connect(&url).await?;
        for warning in store.warnings() {
            tracing::warn!(%warning, "the Redis server's configuration");
        }
        Ok(Self::Redis(store))
    }

    pub fn store(&self) -> SharedStore {
        match self {
            Self::Own(store) => SharedStore::new(Arc::clone(store)),
            Self::Redis(store) => SharedStore::new(store.clone()),
        }
    }

    /// Whether deliveries can be claimed now.
    pub async fn ready(&self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Own(_) => Ok(()),
            Self::Redis(store) => Ok(store.ready().await.map(drop)?),
        }
    }
}

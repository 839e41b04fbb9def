//! `idempotent`: its store in memory, a claim and a completion for each id, as its users make them.

use std::time::Duration;

use bytes::Bytes;
use idempotent::entry::Processing;
use idempotent::fingerprint::{DefaultFingerprintStrategy, FingerprintStrategy};
use idempotent::store::memory::MemoryStore;
use idempotent::store::{IdempotencyStore, InsertResult};
use idempotent::{CachedResponse, IdempotencyEntry, IdempotencyKey, Metadata};
use tokio::runtime::Builder;

use crate::peers::{Insert, RETENTION};

/// The store is a task that takes one message after another, so it needs a runtime of its own. It never
/// evicts.
pub fn store(_: usize) -> Insert {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let store = runtime.block_on(async { MemoryStore::new(1024, Duration::from_hours(1)) });
    Box::new(move |id| runtime.block_on(handle(&store, id)))
}

async fn handle(store: &MemoryStore, id: &str) -> bool {
    let key = IdempotencyKey::new(id).expect("a key");
    let fingerprint = DefaultFingerprintStrategy.compute("POST /webhooks", id.as_bytes());
    let entry: IdempotencyEntry<Processing> = IdempotencyEntry::new(fingerprint, RETENTION);
    match store.try_insert(&key, entry.clone()).await {
        Ok(InsertResult::Claimed { fencing_token }) => {
            let response = CachedResponse {
                status_code: 200,
                metadata: Metadata::default(),
                body: Bytes::new(),
            };
            store.complete(&key, entry.complete(response), fencing_token).await.is_ok()
        }
        _ => false,
    }
}

//! Claims as handlers hold them, for tests that call `complete_with` themselves.

use axum::http::StatusCode;
use nevent_webhooks::store::{Claim, ClaimAnswer, RedisStore};
use nevent_webhooks::{ClaimHandle, Delivery, Store};

use super::Server;
use super::acceptance::{Adapter, Post, Receiver};

/// A server and a store in it.
pub struct Bench {
    pub server: Server,
    pub store: RedisStore,
}

impl Bench {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more arguments of redis-server.
    pub async fn with(more: &[&str]) -> Self {
        let server = Server::with(more).await;
        let store = RedisStore::connect(&server.url()).await.expect("a server");
        Self { server, store }
    }

    /// A delivery of this id that is claimed in the store.
    pub async fn held(&self, id: &str) -> ClaimHandle {
        held(&self.store, "tickets", id).await
    }

    /// What a read-only command answers, as text. It is empty for nothing.
    pub async fn read(&self, words: &[&str]) -> String {
        let answer: redis::Value = self.server.command(words).await;
        match answer {
            redis::Value::Nil => String::new(),
            redis::Value::Int(number) => number.to_string(),
            redis::Value::BulkString(text) => String::from_utf8_lossy(&text).into_owned(),
            redis::Value::SimpleString(text) => text,
            other => format!("{other:?}"),
        }
    }

    /// All keys but those of records.
    pub async fn effects(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.server.command(&["KEYS", "{*"]).await;
        keys.sort();
        keys
    }

    /// The record, byte for byte, and whether it lasts about as long as a lease.
    pub async fn record(&self, id: &str) -> (Vec<u8>, bool) {
        let key = format!("nevent:{{tickets}}d{id}");
        let left: i64 = self.server.command(&["PTTL", &key]).await;
        (self.server.command(&["GET", &key]).await, left <= 30_000)
    }
}

/// Only a layer makes a `ClaimHandle`. So a receiver gets the delivery, its handler hands the handle
/// out and fails, and the released delivery is claimed again with the same token.
pub async fn held(store: &RedisStore, scope: &str, id: &str) -> ClaimHandle {
    let fails = |_| async { StatusCode::BAD_GATEWAY };
    let setup = Receiver::on(Adapter::Axum).scope(scope).store(store.clone()).handler(fails);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new(id).body(id)).await.is(502, "");
    let claim = receiver.seen().first().and_then(Delivery::claim).expect("claimed").clone();
    claim_again(store, claim.claim()).await;
    claim
}

/// Claims the delivery with this very token.
pub async fn claim_again(store: &RedisStore, claim: &Claim) {
    assert_eq!(store.claim(claim).await.expect("a server"), ClaimAnswer::Acquired);
}

/// Another attempt takes the delivery.
pub async fn taken_by_another(store: &RedisStore, held: &Claim) -> Claim {
    store.release(held).await.expect("a server");
    let mut other = super::claim(held.id.as_str());
    (other.scope, other.kind) = (held.scope.clone(), held.kind);
    other.fingerprint = held.fingerprint;
    claim_again(store, &other).await;
    other
}

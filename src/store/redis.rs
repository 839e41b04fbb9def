//! The Redis store: one memory for several processes.

mod check;
mod error;
mod key;
mod link;
mod options;
mod script;
mod source;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{RedisError, Value, from_redis_value};

pub use self::check::RedisWarning;
pub use self::error::RedisStoreError;
use self::key::Keys;
use self::link::Link;
pub use self::options::RedisOptions;
use self::script::Script;
pub use self::source::RedisSource;
use super::{Claim, ClaimAnswer, Completion, Fingerprint, Renewal, Store, StoreError, StoreFuture};
use crate::DeliveryId;

/// Remembers deliveries in Redis, or Valkey, for all processes that use the same
/// server: standalone, behind Sentinel, or a Cluster. Needs Tokio.
///
/// No delivery is handled a second time by any of them, as long as the server
/// loses no write that it acknowledged. If it does (a crash without persistence,
/// a failover to a replica that lagged behind), a delivery may run again; none is
/// ever lost. While the server is out of reach, claims fail at once, and
/// deliveries are answered 503 for the sender to repeat. The guide has the
/// configuration to use.
///
/// # What it does in the server
///
/// Every operation is one script, run by its hash: a claim and a completion are a
/// round trip each, and a replay under another id costs one more. All keys of a
/// scope share a hash tag, and so a slot of a Cluster:
///
/// | key | type | holds | expires |
/// | --- | --- | --- | --- |
/// | `nevent:{scope}d<delivery id>` | hash | the body's fingerprint; while in flight, the owner's token | with the lease, then the retention |
/// | `nevent:{scope}r<replay key>` | string | the delivery id that these signed bytes came with | with the signature |
///
/// The server's clock decides when they expire. A user with limited rights needs
/// `~nevent:*` and `+evalsha +eval +hmget +hget +hset +hdel +get +set +del +exists
/// +pexpire +pttl +ping +info`, and in a Cluster `+cluster|slots`.
///
/// ```no_run
/// use nevent_webhooks::DedupeLayer;
/// use nevent_webhooks::store::RedisStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://localhost:6379").await?;
/// for warning in store.warnings() {
///     eprintln!("{warning}");
/// }
/// let dedupe = DedupeLayer::new("tickets", store)?;
/// # Ok(())
/// # }
/// ```
///
/// It can be cloned; all clones share one connection.
#[derive(Clone)]
pub struct RedisStore(Arc<Shared>);

struct Shared {
    link: Link,
    prefix: String,
    claim: Script,
    renew: Script,
    complete: Script,
    release: Script,
    warnings: Vec<RedisWarning>,
}

impl RedisStore {
    /// Connects to the server at a URL (see [`RedisSource`]), and checks it.
    ///
    /// # Errors
    ///
    /// No URL of Redis; a server that cannot be reached, refuses, cannot be
    /// written to, or is too old.
    pub async fn connect(url: &str) -> Result<Self, RedisStoreError> {
        Self::open(url.parse::<RedisSource>()?, RedisOptions::new()).await
    }

    /// The same for a client that you made yourself, or with options.
    ///
    /// ```no_run
    /// use nevent_webhooks::store::{RedisOptions, RedisStore};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = redis::Client::open("redis://localhost")?;
    /// let options = RedisOptions::new().prefix("shop:");
    /// let store = RedisStore::open(client, options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`RedisStore::connect`], and for options that cannot be right.
    pub async fn open(
        source: impl Into<RedisSource>,
        options: RedisOptions,
    ) -> Result<Self, RedisStoreError> {
        let (source, options) = (source.into(), options.checked()?);
        let server = source.name().to_owned();
        let link = Link::dial(source, &options).await;
        let mut shared = Shared {
            link: link.map_err(|error| RedisStoreError::Failed { server, error })?,
            prefix: options.prefix,
            claim: Script::new(include_str!("redis/claim.lua")),
            renew: Script::new(include_str!("redis/renew.lua")),
            complete: Script::new(include_str!("redis/complete.lua")),
            release: Script::new(include_str!("redis/release.lua")),
            warnings: Vec::new(),
        };
        shared.warnings = shared.check().await?;
        #[cfg(feature = "tracing")]
        for warning in &shared.warnings {
            tracing::warn!(target: "nevent_webhooks", "{warning}");
        }
        Ok(Self(Arc::new(shared)))
    }

    /// Checks the server anew, for a readiness probe: it can be reached and
    /// written to. Returns what is not as it should be, but does not keep the
    /// store from working.
    ///
    /// # Errors
    ///
    /// As [`RedisStore::connect`].
    pub async fn ready(&self) -> Result<Vec<RedisWarning>, RedisStoreError> {
        self.0.check().await
    }

    /// What was not as it should be when the store was made.
    #[must_use]
    pub fn warnings(&self) -> &[RedisWarning] {
        &self.0.warnings
    }
}

impl Store for RedisStore {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        Box::pin(async { Ok(self.0.claim(claim).await?) })
    }

    fn renew<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Renewal> {
        Box::pin(async {
            let arguments = [&claim.token.to_bytes()[..], &millis(claim.lease)];
            match self.0.settle(&self.0.renew, claim, &arguments).await?.as_str() {
                "renewed" => Ok(Renewal::Renewed),
                "lost" => Ok(Renewal::Lost),
                other => Err(self.0.nonsense(other).into()),
            }
        })
    }

    fn complete<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Completion> {
        Box::pin(async {
            let (fingerprint, retention) = (fingerprint(claim), millis(claim.retention));
            let arguments = [&claim.token.to_bytes()[..], &fingerprint, &retention];
            match self.0.settle(&self.0.complete, claim, &arguments).await?.as_str() {
                "recorded" => Ok(Completion::Recorded),
                "held by another" => Ok(Completion::HeldByAnother),
                other => Err(self.0.nonsense(other).into()),
            }
        })
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async {
            self.0.settle(&self.0.release, claim, &[&claim.token.to_bytes()]).await?;
            Ok(())
        })
    }
}

impl Shared {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, RedisStoreError> {
        let keys = Keys::new(&self.prefix, claim.scope.as_str());
        let arguments = [
            claim.id.as_str().as_bytes(),
            &claim.token.to_bytes(),
            &fingerprint(claim),
            &millis(claim.lease),
            &millis(claim.replay_window),
        ];
        let answer = self.claim.run(&self.link, &keys.of_claim(claim), &arguments).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        self.understand(answer)
    }

    fn understand(&self, answer: Value) -> Result<ClaimAnswer, RedisStoreError> {
        let said = format!("{answer:?}");
        let words: Vec<String> = from_redis_value(answer).unwrap_or_default();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["acquired"] => Some(ClaimAnswer::Acquired),
            ["completed"] => Some(ClaimAnswer::Completed),
            ["reused"] => Some(ClaimAnswer::Reused),
            ["in flight", millis] => millis.parse().ok().map(|millis: i64| {
                let millis = u64::try_from(millis).unwrap_or_default();
                ClaimAnswer::InFlight { lease: Duration::from_millis(millis) }
            }),
            ["bound", id] => DeliveryId::new(id).ok().map(ClaimAnswer::BoundTo),
            _ => None,
        }
        .ok_or_else(|| self.nonsense(&said))
    }

    async fn settle(
        &self,
        script: &Script,
        claim: &Claim,
        arguments: &[&[u8]],
    ) -> Result<String, RedisStoreError> {
        let record = Keys::new(&self.prefix, claim.scope.as_str()).record(claim.id.as_str());
        let answer = script.run(&self.link, &[record], arguments).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        from_redis_value(answer).map_err(|error| self.nonsense(&error.to_string()))
    }

    fn failed(&self, error: RedisError) -> RedisStoreError {
        RedisStoreError::Failed { server: self.server(), error }
    }

    fn nonsense(&self, answer: &str) -> RedisStoreError {
        RedisStoreError::Nonsense { server: self.server(), answer: answer.to_owned() }
    }

    fn server(&self) -> String {
        self.link.source().name().to_owned()
    }
}

/// With its format in front.
fn fingerprint(claim: &Claim) -> [u8; 17] {
    let mut bytes = [Fingerprint::VERSION; 17];
    bytes[1..].copy_from_slice(&claim.fingerprint.to_bytes());
    bytes
}

/// Redis refuses times beyond what it can count, and takes zero for "delete".
fn millis(duration: Duration) -> Vec<u8> {
    const CENTURY: u128 = 100 * 365 * 24 * 3_600_000;
    duration.as_millis().clamp(1, CENTURY).to_string().into_bytes()
}

impl From<RedisStoreError> for StoreError {
    fn from(error: RedisStoreError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.0.link.source()).finish()
    }
}

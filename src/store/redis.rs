//! The Redis store: one memory for several processes.

mod advice;
mod check;
mod connection;
mod error;
mod hosts;
mod key;
mod node;
mod operations;
mod options;
mod query;
mod script;
mod sentinels;
mod shown;
mod socket;
mod source;
mod tls;
mod url;

use std::fmt;
use std::sync::Arc;

pub use self::check::RedisWarning;
use self::connection::Connection;
pub use self::error::RedisStoreError;
pub use self::options::RedisOptions;
use self::script::Script;
pub use self::source::RedisSource;
use super::StoreIdentity;

/// Remembers deliveries in Redis, or Valkey, for all processes that use the same
/// server: standalone, behind Sentinel, or a Cluster. Needs Tokio.
///
/// No delivery is handled a second time by any of them, as long as the server
/// loses no write that it acknowledged. If it does (a crash without persistence,
/// a failover to a replica that lagged behind), a delivery may run again; forgetting never
/// swallows one. While the server is out of reach, claims fail within 150 ms, or within a
/// second (the command timeout) if it falls silent, and deliveries are answered 503 for
/// the sender to repeat. The README has the server's
/// configuration to use.
///
/// With the URL of Sentinels, the store follows them: it leaves the old master before a
/// replica is promoted. That takes one connection and one task for each Sentinel.
///
/// # What it does in the server
///
/// Every operation is one script, run by its hash: a claim and a completion are a
/// round trip each, and a replay under another id costs one more. All keys of a
/// scope share a hash tag, and so a permit of a Cluster:
///
/// | key | type | holds | expires |
/// | --- | --- | --- | --- |
/// | `nevent:{scope}d<delivery id>` | hash | the body's fingerprint; while in flight, the owner's token and the length of its lease | with the lease, then the retention |
/// | `nevent:{scope}e<event id>` | hash | the same for an event that was claimed by its own id | the same |
/// | `nevent:{scope}r<replay key>` | string | the delivery id that these signed bytes first came with | with the signature |
///
/// The server's clock decides when they expire. If it is set back, a lease still ends
/// at most its own length after the next claim of that delivery; retention lasts longer
/// by the step. If it is set forward, both end early.
///
/// A user with limited rights needs
/// `~nevent:*` (or your own prefix) and `+evalsha +eval +hmget +hget +hset +hdel +get
/// +set +del +exists +pexpire +pttl +ping +info`; for a database other than 0
/// `+select`; in a Cluster `+cluster|limit`.
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
    connection: Connection,
    claim: Script,
    renew: Script,
    complete: Script,
    release: Script,
    warnings: Vec<RedisWarning>,
    identity: StoreIdentity,
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

    /// The same with options, or for a client that you made yourself.
    ///
    /// ```no_run
    /// use nevent_webhooks::store::{RedisOptions, RedisSource, RedisStore};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let url: RedisSource = "redis://localhost".parse()?;
    /// let store = RedisStore::open(url, RedisOptions::new().prefix("shop:")).await?;
    ///
    /// let client = redis::Client::open("redis://localhost")?;
    /// let store = RedisStore::open(client, RedisOptions::new()).await?;
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
        let connection = Connection::open(source, options).await;
        let mut shared = Shared {
            connection: connection.map_err(|error| RedisStoreError::Failed { server, error })?,
            claim: Script::new(include_str!("redis/claim.lua")),
            renew: Script::new(include_str!("redis/renew.lua")),
            complete: Script::new(include_str!("redis/complete.lua")),
            release: Script::new(include_str!("redis/release.lua")),
            warnings: Vec::new(),
            identity: StoreIdentity::of_a_server(),
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
    /// Writes a key and removes it, and reads `INFO`: three round trips, each of a
    /// command timeout at most. In a Cluster the key is in a permit drawn at random,
    /// and all masters are asked: with one of them dead, it fails as often as not.
    /// (Not for a liveness probe: a restart of the receiver mends no Redis.)
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

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.0.connection.source()).finish()
    }
}

//! The store in Redis, for several processes.

mod check;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod complete_with;
mod connection;
mod driver;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod effect_error;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod effects;
mod error;
mod hint;
mod hosts;
mod key;
mod node;
mod operations;
mod options;
mod query;
mod redacted;
mod script;
mod sentinels;
mod socket;
mod source;
mod tcp;
mod tls;
mod url;

use std::fmt;
use std::sync::Arc;

pub use self::check::RedisWarning;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use self::complete_with::EffectsAnswer;
use self::connection::Connection;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub use self::effect_error::RedisEffectError;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub use self::effects::RedisEffects;
pub use self::error::RedisStoreError;
pub use self::options::RedisOptions;
use self::script::Script;
pub use self::source::RedisSource;
use super::StoreIdentity;

/// A [`Store`](super::Store) in Redis or Valkey, shared by all processes that use the same
/// server: standalone, behind Sentinel, or a Cluster. Needs Tokio.
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
/// A completed delivery is not handled again by any of the processes, as long as the server
/// loses no write that it acknowledged. If the server loses one, in a crash without
/// persistence or a failover to a replica that lagged behind, that delivery may be handled
/// again. A lost write never makes the store drop a delivery.
///
/// While the server cannot be reached, claims fail within 150 ms. If it is silent, they fail
/// at the command timeout, which is one second. The sender gets a 503 and retries.
///
/// With the URL of Sentinels, the store watches them, and leaves the old master before a
/// replica is promoted. That takes one connection and one task for each Sentinel.
///
/// The store can be cloned. All clones share one connection. [`guide::redis`](crate::guide::redis)
/// says how to configure the server.
///
/// # Keys and commands
///
/// Every operation is one script, run by its hash. A claim and a completion take one round
/// trip each, and a replay takes one more. All keys of a scope share a hash tag, so they are
/// in one slot of a Cluster:
///
/// | key | type | holds | expires |
/// | --- | --- | --- | --- |
/// | `nevent:{scope}d<delivery id>` | string | the body's fingerprint; while in flight, the owner's token and the length of its lease | with the lease, then the retention |
/// | `nevent:{scope}e<event id>` | string | the same for an event that was claimed by its own id | the same |
/// | `nevent:{scope}r<replay key>` | string | the delivery id that these signed bytes came with | with the signature |
///
/// The server's clock decides when keys expire. If the clock is set back, a lease still ends
/// at the latest its own length after the next claim of that delivery, and retention lasts
/// longer by the step. If the clock is set forward, both end early.
///
/// A user with limited rights needs
/// `~nevent:*` (or your own prefix) and `+evalsha +eval +get +set +del +pexpire +pttl +ping
/// +info`. A database other than 0 also needs `+select`, and a Cluster `+cluster|slots`.
/// [`RedisStore::complete_with`] also needs `+type`, your keys, such as `~{tickets}:*`, and the commands
/// of your effects. With `xadd` it needs `+xinfo|stream`.
#[derive(Clone)]
pub struct RedisStore(Arc<Shared>);

struct Shared {
    connection: Connection,
    claim: Script,
    renew: Script,
    complete: Script,
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    complete_with: Script,
    release: Script,
    warnings: Vec<RedisWarning>,
    identity: StoreIdentity,
}

impl RedisStore {
    /// Connects to the server at a URL, and checks the server. [`RedisSource`] lists the kinds
    /// of URL.
    ///
    /// # Errors
    ///
    /// An invalid URL, or a server that cannot be reached, refuses the connection, cannot be
    /// written to, or is older than version 6.
    pub async fn connect(url: &str) -> Result<Self, RedisStoreError> {
        Self::open(url.parse::<RedisSource>()?, RedisOptions::new()).await
    }

    /// Connects with options, or with a client of the `redis` crate that you made.
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
    /// As for [`RedisStore::connect`], and [`RedisStoreError::Options`] for impossible options.
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
            #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
            complete_with: Script::new(include_str!("redis/complete_with.lua")),
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

    /// Checks that the server can be reached and written to, for a readiness probe. Returns
    /// the warnings of this check.
    ///
    /// The check writes a key, removes it and reads `INFO`. These are three round trips, and
    /// each takes at most the command timeout. In a Cluster the key is in a random slot, and
    /// all masters are asked for `INFO`, so the check may fail while one master is down.
    ///
    /// Do not use it for a liveness probe: restarting the receiver does not repair Redis.
    ///
    /// ```no_run
    /// # async fn example(store: nevent_webhooks::store::RedisStore) {
    /// let is_ready = store.ready().await.is_ok();
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`RedisStore::connect`].
    pub async fn ready(&self) -> Result<Vec<RedisWarning>, RedisStoreError> {
        self.0.check().await
    }

    /// Returns the warnings of the check at the start.
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

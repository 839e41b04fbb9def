//! Where the server is, and how to reach it.

use std::fmt;
use std::io;
use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterConfig};
use redis::sentinel::SentinelClient;
use redis::{AsyncConnectionConfig, Client, RedisError};
use tokio::sync::Mutex;

use super::RedisOptions;
use super::connection::Multiplexed;

/// Where a [`RedisStore`](super::RedisStore) finds its server: a URL, or a client
/// of the `redis` crate.
///
/// | URL | |
/// | --- | --- |
/// | `redis://[user:password@]host[:port][/database]` | one server; port 6379, database 0 |
/// | `redis-sentinel://[user:password@]host[:port][,…][/database]?master=name` | the master that the Sentinels at these hosts name; port 26379 |
/// | `redis-cluster://[user:password@]host[:port][,…]` | a Cluster, found by any of these nodes |
/// | `redis+unix:///path` | one server, by its socket |
///
/// `rediss` in the place of `redis` is TLS (feature `redis-tls`), verified with the
/// system's certificates; `valkey` and `valkeys` are other names of the same. In user
/// and password, `/ ? # @ %` are written `%2F %3F %23 %40 %25`. They are the servers';
/// for Sentinels that ask for their own, or for certificates of your own, make the
/// client yourself, with `redis = "1"` among your dependencies (its major version is
/// part of this crate's interface):
///
/// ```
/// use nevent_webhooks::store::RedisSource;
///
/// let from_url: RedisSource = "redis://localhost:6379/2".parse()?;
/// let from_client = RedisSource::from(redis::Client::open("redis://localhost")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With `redis-tls`, the first connection installs ring as the process's rustls
/// provider unless you have installed another before.
pub struct RedisSource {
    kind: Kind,
    /// For messages; holds no password.
    name: String,
}

enum Kind {
    Server(Client),
    /// Remembers its connections to the Sentinels.
    Sentinel(Mutex<SentinelClient>),
    /// Makes one for each try: what one remembers, and its lock, could be stuck in a
    /// runtime that nobody drives.
    SentinelAnew(MakeSentinel),
    Cluster(ClusterClient),
}

pub(super) type MakeSentinel = Box<dyn Fn() -> Result<SentinelClient, RedisError> + Send + Sync>;

impl RedisSource {
    pub(super) fn of_sentinels(make: MakeSentinel, name: String) -> Self {
        Self { kind: Kind::SentinelAnew(make), name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_a_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster(_))
    }

    /// One try to connect. The server has answered a command when this succeeds.
    pub(super) async fn connect(&self, options: &RedisOptions) -> Result<Multiplexed, RedisError> {
        let patience = self.patience(options.connect_timeout);
        let connected = tokio::time::timeout(patience, self.kind.connect(options)).await;
        connected.unwrap_or_else(|_| {
            let message = format!("no connection within {patience:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
        })
    }

    /// How long one try may take in all: Sentinels are asked first, and the master
    /// that they name is checked.
    pub(super) fn patience(&self, timeout: Duration) -> Duration {
        match self.kind {
            Kind::Sentinel(_) | Kind::SentinelAnew(_) => timeout.saturating_mul(3),
            Kind::Server(_) | Kind::Cluster(_) => timeout,
        }
    }

    /// The same, called so in messages.
    pub(super) fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl Kind {
    async fn connect(&self, options: &RedisOptions) -> Result<Multiplexed, RedisError> {
        #[cfg(feature = "redis-tls")]
        provide_cryptography();
        // Whoever asks waits for the answer, and no longer than it is worth.
        let config = AsyncConnectionConfig::new();
        let config = config.set_connection_timeout(None).set_response_timeout(None);
        let mut node = match self {
            Self::Server(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await?
            }
            Self::Sentinel(client) => {
                client.lock().await.get_async_connection_with_config(&config).await?
            }
            Self::SentinelAnew(client) => {
                client()?.get_async_connection_with_config(&config).await?
            }
            Self::Cluster(client) => {
                // A node that is silent must leave time to ask another.
                let third = options.connect_timeout.checked_div(3);
                let config = ClusterConfig::new()
                    .set_connection_timeout(third.unwrap_or(options.connect_timeout))
                    .set_response_timeout(options.command_timeout);
                let cluster = client.get_async_connection_with_config(config).await?;
                return Ok(Multiplexed::Cluster(cluster));
            }
        };
        redis::cmd("PING").exec_async(&mut node).await?;
        Ok(Multiplexed::Node(node))
    }
}

/// rustls panics if it finds no implementation of cryptography, or several.
#[cfg(feature = "redis-tls")]
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

impl From<Client> for RedisSource {
    fn from(client: Client) -> Self {
        let name = format!("Redis at {}", client.get_connection_info().addr());
        Self { kind: Kind::Server(client), name }
    }
}

/// Of the kind that connects to the master.
impl From<SentinelClient> for RedisSource {
    fn from(client: SentinelClient) -> Self {
        Self {
            kind: Kind::Sentinel(Mutex::new(client)),
            name: "the Redis master that the Sentinels name".into(),
        }
    }
}

impl From<ClusterClient> for RedisSource {
    fn from(client: ClusterClient) -> Self {
        Self { kind: Kind::Cluster(client), name: "the Redis Cluster".into() }
    }
}

impl fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisSource").field(&self.name).finish()
    }
}

#[cfg(all(test, feature = "redis-tls"))]
mod tests {
    use super::*;

    /// Whatever else in the program brings another: rustls would panic.
    #[tokio::test]
    async fn an_implementation_of_cryptography_is_chosen_before_the_first_connection() {
        let nobody: RedisSource = "redis://127.0.0.1:1".parse().expect("a URL");
        assert!(nobody.connect(&RedisOptions::default()).await.is_err());
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}

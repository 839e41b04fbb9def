//! Where the server is, and how to reach it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::cluster::{ClusterClient, ClusterConfig};
use redis::sentinel::SentinelClient;
use redis::{Client, RedisError};
use tokio::sync::Mutex;

use super::RedisOptions;
use super::connection::Multiplexed;
use super::node::{self, patient};
use super::sentinels::{Master, Sentinels};

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
/// `rediss` in the place of `redis` is TLS (feature `redis-tls`); `valkey` and `valkeys`
/// are other names of the same. In user and password, `/ ? # @ %` are written
/// `%2F %3F %23 %40 %25`. User and password are the servers'.
///
/// Certificates are verified with the system's CAs. These parameters of a URL change that.
/// Each is the path of a PEM file, which is read when the URL is parsed:
///
/// | parameter | |
/// | --- | --- |
/// | `ca_file` | the CAs to trust instead of the system's |
/// | `cert_file` and `key_file` | the client's certificate and its private key, without a passphrase, for servers that ask for one |
///
/// As in `rediss://redis.internal:6380?ca_file=/etc/ssl/redis-ca.pem`.
///
/// With the URL of Sentinels, the store follows them: it leaves the old master when a
/// replica is about to be promoted, not only when the old master is demoted. For
/// Sentinels that ask for a password of their own, make the client yourself, with
/// `redis = "1"` among your dependencies (its major version is part of this crate's
/// interface). A `SentinelClient` does not tell where its Sentinels are, so they are not
/// followed: the store leaves the old master when it no longer accepts writes.
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
    Sentinels(Arc<Sentinels>),
    /// Remembers its connections to the Sentinels, and does not tell where they are.
    SentinelClient(Mutex<SentinelClient>),
    Cluster(ClusterClient),
}

/// A connection, and the master that it leads to if Sentinels named it.
pub(super) type Connected = (Multiplexed, Option<Master>);

impl RedisSource {
    pub(super) fn of_sentinels(sentinels: Sentinels, name: String) -> Self {
        Self { kind: Kind::Sentinels(Arc::new(sentinels)), name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_a_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster(_))
    }

    /// Whether there is somebody to ask for another master.
    pub(super) fn is_behind_sentinels(&self) -> bool {
        matches!(self.kind, Kind::Sentinels(_) | Kind::SentinelClient(_))
    }

    /// The Sentinels to follow, if it is known where they are.
    pub(super) fn sentinels(&self) -> Option<&Arc<Sentinels>> {
        match &self.kind {
            Kind::Sentinels(sentinels) => Some(sentinels),
            Kind::Server(_) | Kind::SentinelClient(_) | Kind::Cluster(_) => None,
        }
    }

    /// One try to connect. The server has answered a command when this succeeds.
    pub(super) async fn connect(&self, options: &RedisOptions) -> Result<Connected, RedisError> {
        self.in_time(options, self.kind.connect(options)).await
    }

    /// The master that Sentinels name now.
    pub(super) async fn master(
        &self,
        options: &RedisOptions,
    ) -> Result<Option<Master>, RedisError> {
        let named = async {
            match &self.kind {
                Kind::Sentinels(sentinels) => sentinels.master(options).await.map(Some),
                Kind::SentinelClient(client) => {
                    let client = client.lock().await.async_get_client().await?;
                    Ok(Master::at(client.get_connection_info().addr()))
                }
                Kind::Server(_) | Kind::Cluster(_) => Ok(None),
            }
        };
        self.in_time(options, named).await
    }

    async fn in_time<T>(
        &self,
        options: &RedisOptions,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisError> {
        let patience = self.patience(options.connect_timeout);
        tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
            let message = format!("no connection within {patience:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
        })
    }

    #[cfg(test)]
    pub(super) fn settings(&self) -> Option<&redis::RedisConnectionInfo> {
        match &self.kind {
            Kind::Server(client) => Some(client.get_connection_info().redis_settings()),
            _ => None,
        }
    }

    /// How long one try may take in all: Sentinels are asked first, and the master
    /// that they name is checked.
    pub(super) fn patience(&self, timeout: Duration) -> Duration {
        if self.is_behind_sentinels() { timeout.saturating_mul(3) } else { timeout }
    }

    /// The same, called so in messages.
    pub(super) fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

impl Kind {
    async fn connect(&self, options: &RedisOptions) -> Result<Connected, RedisError> {
        #[cfg(feature = "redis-tls")]
        provide_cryptography();
        let (mut node, master) = match self {
            Self::Server(client) => (node::connect(client).await?, None),
            Self::Sentinels(sentinels) => {
                let (node, master) = sentinels.connect(options).await?;
                (node, Some(master))
            }
            Self::SentinelClient(client) => {
                let client = client.lock().await.async_get_client().await?;
                let master = Master::at(client.get_connection_info().addr());
                (client.get_multiplexed_async_connection_with_config(&patient()).await?, master)
            }
            Self::Cluster(client) => {
                // A node that is silent must leave time to ask another.
                let third = options.connect_timeout.checked_div(3);
                let config = ClusterConfig::new()
                    .set_connection_timeout(third.unwrap_or(options.connect_timeout))
                    .set_response_timeout(options.command_timeout);
                let cluster = client.get_async_connection_with_config(config).await?;
                return Ok((Multiplexed::Cluster(cluster), None));
            }
        };
        redis::cmd("PING").exec_async(&mut node).await?;
        Ok((Multiplexed::Node(node), master))
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
            kind: Kind::SentinelClient(Mutex::new(client)),
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

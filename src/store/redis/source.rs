//! Where the server is, and how to connect to it.

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
use super::node::{Node, no_timeouts};
use super::sentinels::{Master, Sentinels};
use super::tls::use_ring_unless_installed;

/// The server that a [`RedisStore`](super::RedisStore) connects to: a URL, or a client of
/// the `redis` crate.
///
/// | URL | leads to |
/// | --- | --- |
/// | `redis://[user:password@]host[:port][/database]` | one server; port 6379 and database 0 by default |
/// | `redis-sentinel://[user:password@]host[:port][,…][/database]?master=name` | the master that the Sentinels at these hosts name; port 26379 by default |
/// | `redis-cluster://[user:password@]host[:port][,…]` | a Cluster, found through any of these nodes |
/// | `redis+unix:///path` | one server, through its Unix socket |
///
/// `valkey` is another name for `redis`. The user and the password are those of the servers.
/// In both, write `/ ? # @ %` as `%2F %3F %23 %40 %25`.
///
/// ```
/// use nevent_webhooks::store::RedisSource;
///
/// let from_url: RedisSource = "redis://localhost:6379/2".parse()?;
/// let from_client = RedisSource::from(redis::Client::open("redis://localhost")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Sentinel
///
/// With the URL of Sentinels, the store watches them. It leaves the old master when a
/// replica is about to be promoted, which is before the old master is demoted.
///
/// For Sentinels that ask for a password of their own, make a `SentinelClient` yourself, with
/// `redis = "1"` among your dependencies. Such a client does not tell where its Sentinels
/// are, so the store cannot watch them: it leaves the old master when that master no longer
/// accepts writes.
///
/// # TLS
///
/// `rediss` instead of `redis`, or `valkeys` instead of `valkey`, is TLS by rustls (feature
/// `redis-tls`). The server's certificate is always verified, with the system's CAs unless
/// the URL names others. Each of these parameters is the path of a PEM file, which is read
/// when the URL is parsed:
///
/// | parameter | holds |
/// | --- | --- |
/// | `ca_file` | the CAs to trust instead of the system's |
/// | `cert_file` and `key_file` | the client's certificate and its private key without a passphrase, for servers that ask for one |
///
/// An example is `rediss://redis.internal:6380?ca_file=/etc/ssl/redis-ca.pem`.
///
/// For cryptography, the store takes the rustls provider that your program has installed, or
/// else ring, which it does not install. There is one exception: where the `redis` crate
/// opens the connections, it can only use a provider that is installed.
///
/// | source | provider |
/// | --- | --- |
/// | URL of a server or of Sentinels | yours, or else ring; none is installed |
/// | URL of a Cluster, or a `Client` with TLS | yours; if there is none, ring is installed at the first connection |
/// | `SentinelClient`, `ClusterClient` | yours; if several are compiled in, install one before the store connects |
///
/// `redis-tls` compiles ring into rustls. If another provider is compiled in too, rustls
/// cannot choose between them for the rest of your program: install one at the start of
/// `main`. The feature `redis-tls-no-provider` is the same TLS without ring, for a program
/// that installs a provider anyway.
pub struct RedisSource {
    kind: Kind,
    /// For messages. Holds no password.
    name: String,
}

enum Kind {
    Server(Node),
    Sentinels(Arc<Sentinels>),
    /// Remembers its connections to the Sentinels, and does not tell where they are.
    SentinelClient(Mutex<SentinelClient>),
    Cluster {
        client: ClusterClient,
        /// Whether the URL asks for TLS. A client that the user made does not tell.
        uses_tls: bool,
    },
}

/// A connection, and the master that it leads to if Sentinels named it.
pub(super) type Connected = (Multiplexed, Option<Master>);

impl RedisSource {
    pub(super) fn of_server(server: Node) -> Self {
        let name = format!("Redis at {}", server.info().addr());
        Self { kind: Kind::Server(server), name }
    }

    pub(super) fn of_cluster(client: ClusterClient, uses_tls: bool, name: String) -> Self {
        Self { kind: Kind::Cluster { client, uses_tls }, name }
    }

    pub(super) fn of_sentinels(sentinels: Sentinels, name: String) -> Self {
        Self { kind: Kind::Sentinels(Arc::new(sentinels)), name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_a_cluster(&self) -> bool {
        matches!(self.kind, Kind::Cluster { .. })
    }

    /// Whether Sentinels can be asked for another master.
    pub(super) fn is_behind_sentinels(&self) -> bool {
        matches!(self.kind, Kind::Sentinels(_) | Kind::SentinelClient(_))
    }

    /// The Sentinels to watch, if it is known where they are.
    pub(super) fn sentinels(&self) -> Option<&Arc<Sentinels>> {
        match &self.kind {
            Kind::Sentinels(sentinels) => Some(sentinels),
            Kind::Server(_) | Kind::SentinelClient(_) | Kind::Cluster { .. } => None,
        }
    }

    /// Makes one attempt to connect. If it succeeds, the server has answered a command.
    pub(super) async fn connect(&self, options: &RedisOptions) -> Result<Connected, RedisError> {
        self.in_time(options, self.kind.connect(options)).await
    }

    /// Returns the master that the Sentinels name now, or `None` without Sentinels.
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
                Kind::Server(_) | Kind::Cluster { .. } => Ok(None),
            }
        };
        self.in_time(options, named).await
    }

    async fn in_time<T>(
        &self,
        options: &RedisOptions,
        answer: impl Future<Output = Result<T, RedisError>>,
    ) -> Result<T, RedisError> {
        let limit = self.time_to_connect(options.connect_timeout);
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
            let message = format!("no connection within {limit:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
        })
    }

    #[cfg(test)]
    pub(super) fn settings(&self) -> Option<&redis::RedisConnectionInfo> {
        match &self.kind {
            Kind::Server(server) => Some(server.info().redis_settings()),
            _ => None,
        }
    }

    /// How long one attempt may take in all. Sentinels take more time: they are asked first,
    /// and the master that they name is checked.
    pub(super) fn time_to_connect(&self, timeout: Duration) -> Duration {
        if self.is_behind_sentinels() { timeout.saturating_mul(3) } else { timeout }
    }
}

impl Kind {
    async fn connect(&self, options: &RedisOptions) -> Result<Connected, RedisError> {
        let (mut node, master) = match self {
            Self::Server(server) => (server.connect().await?, None),
            Self::Sentinels(sentinels) => {
                let (node, master) = sentinels.connect(options).await?;
                (node, Some(master))
            }
            Self::SentinelClient(client) => {
                let client = client.lock().await.async_get_client().await?;
                let master = Master::at(client.get_connection_info().addr());
                let config = no_timeouts();
                let node = client.get_multiplexed_async_connection_with_config(&config).await?;
                (node.into(), master)
            }
            Self::Cluster { client, uses_tls } => {
                if *uses_tls {
                    use_ring_unless_installed()?;
                }
                // A silent node must leave time to ask another.
                let third = options.connect_timeout.checked_div(3);
                let config = ClusterConfig::new()
                    .set_connection_timeout(third.unwrap_or(options.connect_timeout))
                    .set_response_timeout(options.command_timeout);
                let cluster = client.get_async_connection_with_config(config).await?;
                return Ok((Multiplexed::Cluster(cluster), None));
            }
        };
        node.send(&redis::cmd("PING")).await?;
        Ok((Multiplexed::Node(node), master))
    }
}

impl From<Client> for RedisSource {
    fn from(client: Client) -> Self {
        Self::of_server(Node::of_client(client))
    }
}

/// The client must be one that connects to the master.
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
        Self::of_cluster(client, false, "the Redis Cluster".to_owned())
    }
}

impl fmt::Debug for RedisSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisSource").field(&self.name).finish()
    }
}

//! One server or Sentinel, and the connections to it.

use std::future::ready;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection, PubSub};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, RedisError, Value,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::tls::{Certificates, TlsStream, use_ring_unless_installed};
use super::{driver, tcp};

/// How long the store listens to a server that hung up.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// A server or a Sentinel, and how to connect to it.
#[derive(Clone)]
pub(super) struct Node {
    client: Client,
    /// The certificates that the URL names. `None` for a client that the user made: the
    /// `redis` crate alone knows its certificates, and opens its connections.
    certificates: Option<Certificates>,
}

/// A connection to a [`Node`], shared by its clones.
#[derive(Clone)]
pub(super) struct NodeConnection {
    connection: MultiplexedConnection,
    /// The task that sends and receives, for a connection that the `redis` crate did not
    /// open. The task ends with the last clone.
    _driver: Option<Arc<JoinSet<()>>>,
}

impl Node {
    /// The node at an address of a URL.
    pub(super) fn at(
        info: ConnectionInfo,
        certificates: &Certificates,
    ) -> Result<Self, RedisError> {
        Ok(Self { client: Client::open(info)?, certificates: Some(certificates.clone()) })
    }

    /// The node of a client that the user made.
    pub(super) fn of_client(client: Client) -> Self {
        Self { client, certificates: None }
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        self.client.get_connection_info()
    }

    /// Connects. The caller limits how long this may take.
    pub(super) async fn connect(&self) -> Result<NodeConnection, RedisError> {
        if let Some(stream) = self.tls_stream().await? {
            return Box::pin(NodeConnection::over(self.info(), stream)).await;
        }
        match Box::pin(self.connect_without_tls()).await {
            Err(error) if error.is_connection_dropped() && !error.is_connection_refusal() => {
                let reason = timeout(LAST_WORDS, last_words(self.info().addr())).await;
                Err(reason.ok().flatten().unwrap_or(error))
            }
            connected => connected,
        }
    }

    async fn connect_without_tls(&self) -> Result<NodeConnection, RedisError> {
        match self.info().addr() {
            ConnectionAddr::Tcp(host, port) if self.certificates.is_some() => {
                let to = (host.as_str(), *port);
                let stream =
                    tcp::connect(to, self.info().tcp_settings(), |socket| ready(Ok(socket)))
                        .await?;
                NodeConnection::over(self.info(), stream).await
            }
            _ => {
                let config = no_timeouts();
                let opened = self.client.get_multiplexed_async_connection_with_config(&config);
                Ok(opened.await?.into())
            }
        }
    }

    /// Connects in order to subscribe to events.
    pub(super) async fn connect_for_events(&self) -> Result<PubSub, RedisError> {
        match self.tls_stream().await? {
            Some(stream) => PubSub::new(self.info().redis_settings(), stream).await,
            None => self.client.get_async_pubsub().await,
        }
    }

    /// A TLS connection opened here, or `None` if the `redis` crate is to connect.
    async fn tls_stream(&self) -> Result<Option<TlsStream>, RedisError> {
        let ConnectionAddr::TcpTls { host, port, .. } = self.info().addr() else { return Ok(None) };
        let Some(certificates) = &self.certificates else {
            use_ring_unless_installed()?;
            return Ok(None);
        };
        let stream = certificates.connect((host, *port), self.info().tcp_settings());
        Box::pin(stream).await.map(Some)
    }
}

impl NodeConnection {
    /// Logs in to the server at the other end of a stream.
    async fn over<S>(info: &ConnectionInfo, stream: S) -> Result<Self, RedisError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (connection, driver) =
            MultiplexedConnection::new_with_config(info.redis_settings(), stream, no_timeouts())
                .await?;
        Ok(Self { connection, _driver: Some(driver::spawn(driver)) })
    }

    pub(super) async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        self.connection.req_packed_command(command).await?.extract_error()
    }
}

impl From<MultiplexedConnection> for NodeConnection {
    fn from(connection: MultiplexedConnection) -> Self {
        Self { connection, _driver: None }
    }
}

/// Turns the `redis` crate's timeouts off: the caller limits how long an answer may take.
pub(super) fn no_timeouts() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// The server's reason for hanging up, which it sends as soon as it has accepted a
/// connection: too many clients, or protected mode.
///
/// Without this the reason is lost: a client that has already written something may see a
/// broken pipe and nothing else.
async fn last_words(address: &ConnectionAddr) -> Option<RedisError> {
    let ConnectionAddr::Tcp(host, port) = address else { return None };
    let stream = TcpStream::connect((host.as_str(), *port)).await.ok()?;
    stream.readable().await.ok()?;
    let mut said = [0; 200];
    let count = stream.try_read(&mut said).ok()?;
    let said = String::from_utf8_lossy(said.get(..count)?).into_owned();
    let line = said.strip_prefix('-')?.lines().next()?;
    Some(io::Error::other(line.to_owned()).into())
}

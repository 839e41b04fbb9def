//! A connection to one server.

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisError};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the store listens to a server that hung up.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Connects. The caller limits the time that this may take.
pub(super) async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    match client.get_multiplexed_async_connection_with_config(&patient()).await {
        Err(error) if error.is_connection_dropped() && !error.is_connection_refusal() => {
            let said = timeout(LAST_WORDS, last_words(client.get_connection_info().addr())).await;
            Err(said.ok().flatten().unwrap_or(error))
        }
        connected => connected,
    }
}

/// Without timeouts of the `redis` crate: the caller limits how long an answer may take.
pub(super) fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// The server's reason for hanging up, which it sends as soon as it has accepted a
/// connection: too many clients, or protected mode. Without this the reason is lost: a
/// client that has already written something may see a broken pipe and nothing else.
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

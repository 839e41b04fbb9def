//! A connection to one server.

use std::io;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisError};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a server that hung up is listened to.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// Connects, without timeouts: whoever asks waits for the answer, and no longer than it
/// is worth.
pub(super) async fn connect(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    match client.get_multiplexed_async_connection_with_config(&patient()).await {
        Err(error) if error.is_connection_dropped() => {
            let said = timeout(LAST_WORDS, last_words(client.get_connection_info().addr())).await;
            Err(said.ok().flatten().unwrap_or(error))
        }
        connected => connected,
    }
}

pub(super) fn patient() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}

/// Why the server hung up. It says so (too many clients, protected mode) as soon as it
/// has accepted a connection, but to a client that has already written something, all
/// that may arrive is a broken pipe.
async fn last_words(address: &ConnectionAddr) -> Option<RedisError> {
    let ConnectionAddr::Tcp(host, port) = address else { return None };
    let stream = TcpStream::connect((host.as_str(), *port)).await.ok()?;
    stream.readable().await.ok()?;
    let mut said = [0; 200];
    let count = stream.try_read(&mut said).ok()?;
    let said = String::from_utf8_lossy(said.get(..count)?).into_owned();
    let line = said.strip_prefix('-')?.lines().next()?;
    let line: String = line.chars().filter(|char| !char.is_control()).collect();
    Some(io::Error::other(line).into())
}

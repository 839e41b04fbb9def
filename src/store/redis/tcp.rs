//! TCP connections to the servers of a URL.

use std::io;

use futures_util::future::select_ok;
use redis::RedisError;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::SockRef;
use tokio::net::{TcpStream, lookup_host};

/// Connects to whichever address of the host is the first to answer. What `greet` does on a
/// connection is part of the answer, such as the handshake of TLS.
pub(super) async fn connect<T, F: Future<Output = io::Result<T>>>(
    (host, port): (&str, u16),
    settings: &TcpSettings,
    greet: impl Fn(TcpStream) -> F,
) -> Result<T, RedisError> {
    let greet = &greet;
    let attempts: Vec<_> = lookup_host((host, port))
        .await?
        .map(|address| {
            Box::pin(async move {
                let socket = TcpStream::connect(address).await?;
                apply(settings, &socket)?;
                greet(socket).await
            })
        })
        .collect();
    if attempts.is_empty() {
        return Err(io::Error::other("the host's name has no address").into());
    }
    Ok(select_ok(attempts).await?.0)
}

fn apply(settings: &TcpSettings, socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(settings.nodelay())?;
    match settings.keepalive() {
        Some(keepalive) => SockRef::from(socket).set_tcp_keepalive(keepalive),
        None => Ok(()),
    }
}

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::server::Server;

/// A network between a client and a server.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// The port of new connections.
    server: AtomicU16,
    /// Connections of earlier generations are silent.
    generation: AtomicU64,
    /// Of each connection to the client. 0 is without limit.
    bytes_per_second: AtomicU64,
}

impl Proxy {
    pub async fn before(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State { server: server.port().into(), ..State::default() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = ("127.0.0.1", shared.server.load(Ordering::Relaxed));
                let Ok(server) = TcpStream::connect(server).await else { continue };
                let generation = shared.generation.load(Ordering::Relaxed);
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                let (up, down) = (Arc::clone(&shared), Arc::clone(&shared));
                tokio::spawn(forward(from_client, to_server, up, generation, false));
                tokio::spawn(forward(from_server, to_client, down, generation, true));
            }
        });
        Self { port, state }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Forwards nothing more on the connections that are open, and does not close them.
    pub fn silence(&self) {
        self.state.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Connects clients to another server from now on. Connections that are open stay.
    pub fn lead_to(&self, server: &Server) {
        self.state.server.store(server.port(), Ordering::Relaxed);
    }

    pub fn throttle(&self, bytes_per_second: u64) {
        self.state.bytes_per_second.store(bytes_per_second, Ordering::Relaxed);
    }
}

async fn forward(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: Arc<State>,
    generation: u64,
    is_throttled: bool,
) {
    let mut bytes = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        if state.generation.load(Ordering::Relaxed) != generation {
            std::future::pending::<()>().await;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
        let rate = state.bytes_per_second.load(Ordering::Relaxed);
        if is_throttled && rate > 0 {
            let micros = u64::try_from(length).expect("few") * 1_000_000 / rate;
            sleep(Duration::from_micros(micros)).await;
        }
    }
}

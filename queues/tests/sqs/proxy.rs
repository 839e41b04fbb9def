//! What can happen between a client and SQS.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Passes connections to a port of this machine. Ends when dropped.
pub struct Proxy {
    pub port: u16,
    mode: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    Pass,
    /// Connections end at once.
    Cut,
    /// Requests are carried out, and the connection ends in place of the answer.
    LoseAnswers,
}

impl Proxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("an address").port();
        let mode = Arc::new(AtomicU8::new(Mode::Pass as u8));
        let shared = Arc::clone(&mode);
        let permits = Arc::new(Semaphore::new(MOST));
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, port, Arc::clone(&shared), Arc::clone(&permits)));
            }
        });
        Self { port: own, mode, task }
    }

    pub fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How many connections the server has at a time. Others wait for one, unless their client gives up. Without
/// the limit moto would be busy for ever with requests that their clients have given up and repeated. A place is
/// free when moto has ended the connection, and not when the client has: moto works on.
const MOST: usize = 24;

async fn pass(
    mut client: TcpStream,
    port: u16,
    mode: Arc<AtomicU8>,
    permits: Arc<Semaphore>,
) -> Option<()> {
    let is = |other: Mode| mode.load(Ordering::Relaxed) == other as u8;
    if is(Mode::Cut) {
        return None;
    }
    let (mut begin, mut permit) = (Vec::new(), pin!(permits.acquire()));
    let _permit = loop {
        tokio::select! {
            permit = permit.as_mut() => break permit,
            read = client.read_buf(&mut begin) => if read.ok()? == 0 { return None },
        }
    };
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    server.write_all(&begin).await.ok()?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut request, mut answer) = ([0; 16_384], [0; 16_384]);
    loop {
        tokio::select! {
            read = from_client.read(&mut request) => match read.unwrap_or(0) {
                0 => break,
                _ if is(Mode::Cut) => break,
                length => to_server.write_all(&request[..length]).await.ok()?,
            },
            read = from_server.read(&mut answer) => match read.ok()? {
                0 => return None,
                _ if !is(Mode::Pass) => break,
                length => if to_client.write_all(&answer[..length]).await.is_err() { break },
            },
        }
    }
    drop((from_client, to_client));
    to_server.shutdown().await.ok()?;
    while from_server.read(&mut answer).await.ok()? > 0 {}
    None
}

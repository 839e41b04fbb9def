//! Clients that connect and then let the receiver wait; when it closes the connection,
//! they connect anew.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Over;

/// A way to stall. Each is a quarter of the clients'.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    Silent,
    HalfAHead,
    /// 1 MiB announced, 1 KiB sent.
    HalfABody,
    /// A byte of the body each second.
    Dripping,
}

pub const KINDS: [Kind; 4] = [Kind::Silent, Kind::HalfAHead, Kind::HalfABody, Kind::Dripping];

pub struct Clients {
    tasks: Vec<(Kind, JoinHandle<usize>)>,
    watch: JoinHandle<usize>,
}

#[derive(Debug)]
pub struct Report {
    connections: Vec<(Kind, usize)>,
    pub least_at_once: usize,
}

impl Report {
    pub fn connections(&self, kind: Kind) -> usize {
        let of_kind = self.connections.iter().filter(|(one, _)| *one == kind);
        of_kind.map(|(_, connections)| connections).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections: usize = KINDS.into_iter().map(|kind| self.connections(kind)).sum();
        let least_at_once = self.least_at_once;
        write!(f, "stalled: {connections} connections, at least {least_at_once} at once")
    }
}

pub fn clients(count: usize, port: u16, over: &Over) -> Clients {
    let connected = Arc::new(AtomicUsize::new(0));
    let client = |(n, kind)| {
        let stalling = stall(kind, port, Arc::clone(over), Arc::clone(&connected));
        // One after another, or the receiver closes all of them at the same moment.
        let task = tokio::spawn(async move {
            sleep(Duration::from_millis(n)).await;
            stalling.await
        });
        (kind, task)
    };
    let tasks = (0..).zip(KINDS.into_iter().cycle()).take(count).map(client).collect();
    Clients { tasks, watch: tokio::spawn(least(Arc::clone(&connected), Arc::clone(over))) }
}

impl Clients {
    pub async fn join(self) -> Report {
        let mut connections = Vec::new();
        for (kind, task) in self.tasks {
            connections.push((kind, task.await.expect("no panic")));
        }
        Report { connections, least_at_once: self.watch.await.expect("no panic") }
    }
}

/// The fewest at once, after three seconds in which all connect.
async fn least(connected: Arc<AtomicUsize>, over: Over) -> usize {
    sleep(Duration::from_secs(3)).await;
    let mut least = usize::MAX;
    while !over.load(Ordering::SeqCst) {
        least = least.min(connected.load(Ordering::SeqCst));
        sleep(Duration::from_millis(50)).await;
    }
    least
}

/// Stalls until the load ends, and returns the number of connections it took.
async fn stall(kind: Kind, port: u16, over: Over, connected: Arc<AtomicUsize>) -> usize {
    let mut connections = 0;
    while !over.load(Ordering::SeqCst) {
        let Ok(connection) = TcpStream::connect(("127.0.0.1", port)).await else {
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        connections += 1;
        connected.fetch_add(1, Ordering::SeqCst);
        stay(kind, connection, &over).await;
        connected.fetch_sub(1, Ordering::SeqCst);
    }
    connections
}

/// Until the receiver closes the connection.
async fn stay(kind: Kind, mut connection: TcpStream, over: &Over) {
    let head = format!(
        "POST /webhooks/nevent HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\
         X-Nevent-Delivery: stalled\r\nX-Nevent-Signature: t={},v1={}\r\n\r\n",
        super::genuine::now(),
        "0".repeat(64)
    );
    let sent = match kind {
        Kind::Silent => Vec::new(),
        Kind::HalfAHead => head.as_bytes()[..head.len() / 2].to_vec(),
        Kind::HalfABody => [head.as_bytes(), &[b' '; 1024]].concat(),
        Kind::Dripping => head.into_bytes(),
    };
    let mut open = connection.write_all(&sent).await.is_ok();
    while open && !over.load(Ordering::SeqCst) {
        let answer = timeout(Duration::from_secs(1), connection.read(&mut [0; 1024])).await;
        open = match (answer, kind) {
            (Err(_), Kind::Dripping) => connection.write_all(b" ").await.is_ok(),
            (Err(_), _) => true,
            (Ok(read), _) => matches!(read, Ok(1..)),
        };
    }
}

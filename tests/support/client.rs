use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The longest wait for anything that a quiet machine does at once: only a reply that never comes
/// is a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection that sends what it is told, byte for byte.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// `HTTP/1.1 100 Continue` came first.
    pub continued: bool,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        Self::of(TcpStream::connect(address).await.expect("the receiver listens"))
    }

    /// Connects from this address of the machine. Loopback has many.
    pub async fn open_from(from: IpAddr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("a TCP socket");
        socket.bind((from, 0).into()).expect("an address of this machine");
        Self::of(socket.connect(address).await.expect("the receiver listens"))
    }

    fn of(stream: TcpStream) -> Self {
        stream.set_nodelay(true).expect("a TCP socket");
        Self { stream, received: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        // A receiver that refuses early may close while we still send.
        let _ = self.stream.write_all(bytes).await;
    }

    /// Sends nothing more, and still listens.
    pub async fn finish_sending(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Hangs up with a reset instead of an orderly end.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("a TCP socket");
    }

    /// Waits for `100 Continue`: by then the head was judged, and the body is awaited.
    pub async fn asked_for_the_body(&mut self) {
        let head = timeout(PATIENCE, self.read_head()).await.expect("an answer");
        assert_eq!(head.as_deref(), Some("HTTP/1.1 100 Continue"));
    }

    pub async fn reply(&mut self) -> Reply {
        self.reply_or_end().await.expect("an answer, not the end of the connection")
    }

    /// An answer, or `None` when the receiver closed the connection instead.
    pub async fn reply_or_end(&mut self) -> Option<Reply> {
        timeout(PATIENCE, self.read_reply()).await.expect("an answer, or the end")
    }

    async fn read_reply(&mut self) -> Option<Reply> {
        let mut continued = false;
        loop {
            let head = self.read_head().await?;
            let mut lines = head.split("\r\n");
            let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
            let headers: Vec<_> =
                lines.filter_map(|line| line.split_once(": ")).map(pair).collect();
            if status == 100 {
                continued = true;
                continue;
            }
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
            let body = String::from_utf8(self.take(length).await?).ok()?;
            return Some(Reply { status, headers, body, continued });
        }
    }

    async fn read_head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.take(end + 4).await?;
                return String::from_utf8(head[..end].to_vec()).ok();
            }
            self.receive().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.received.len() < length {
            self.receive().await?;
        }
        Some(self.received.drain(..length).collect())
    }

    async fn receive(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.received).await.ok()?;
        (count > 0).then_some(())
    }
}

fn pair((name, value): (&str, &str)) -> (String, String) {
    (name.to_ascii_lowercase(), value.to_owned())
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    #[track_caller]
    pub fn is(&self, status: u16, body: &str) {
        assert_eq!((self.status, self.body.as_str()), (status, body), "{self:?}");
        match status {
            401 => assert_eq!(self.header("www-authenticate"), Some("Nevent-Signature")),
            415 => assert_eq!(self.header("accept-encoding"), Some("identity")),
            409 | 503 => {
                let seconds = self.header("retry-after").and_then(|s| s.parse::<u32>().ok());
                assert!(seconds.is_some_and(|seconds| seconds >= 1), "{self:?}");
            }
            _ => {}
        }
    }
}

//! A way to the server that a test can disturb.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Passes connections on to a server. Ends with its test.
pub struct Proxy {
    pub port: u16,
    way: Arc<Way>,
    task: JoinHandle<()>,
}

struct Way {
    server: u16,
    /// The port of another server, which the messages `INFO` are made to announce.
    announced: Option<u16>,
    is_open: watch::Sender<bool>,
    refused: AtomicUsize,
    /// How many more acknowledgements are to be lost.
    to_lose: AtomicUsize,
}

impl Proxy {
    pub async fn to(server: u16) -> Self {
        Self::announcing(server, None).await
    }

    pub async fn announcing(server: u16, announced: Option<u16>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("a port").port();
        let (is_open, _) = watch::channel(true);
        let (refused, to_lose) = Default::default();
        let way = Arc::new(Way { server, announced, is_open, refused, to_lose });
        let task = tokio::spawn(Arc::clone(&way).run(listener));
        Self { port, way, task }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends all connections, and each new one at once.
    pub fn close(&self) {
        self.way.is_open.send_replace(false);
    }

    pub fn open(&self) {
        self.way.is_open.send_replace(true);
    }

    /// How many connections were ended at once.
    pub fn refused(&self) -> usize {
        self.way.refused.load(Ordering::Relaxed)
    }

    /// Loses the next acknowledgements on their way to the server.
    pub fn lose_acknowledgements(&self, count: usize) {
        self.way.to_lose.store(count, Ordering::Relaxed);
    }

    /// Whether it has lost as many as it had to.
    pub fn has_lost_them(&self) -> bool {
        self.way.to_lose.load(Ordering::Relaxed) == 0
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
        self.close();
    }
}

impl Way {
    async fn run(self: Arc<Self>, listener: TcpListener) {
        while let Ok((client, _)) = listener.accept().await {
            if *self.is_open.borrow() {
                tokio::spawn(Arc::clone(&self).pass(client));
            } else {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn pass(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.server)).await else { return };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut is_open = self.is_open.subscribe();
        tokio::select! {
            _ = self.to_server(BufReader::new(from_client), to_server) => {}
            _ = self.to_client(BufReader::new(from_server), to_client) => {}
            _ = is_open.wait_for(|is_open| !is_open) => {}
        }
    }

    async fn to_client(
        &self,
        mut server: BufReader<OwnedReadHalf>,
        mut client: OwnedWriteHalf,
    ) -> std::io::Result<()> {
        let mut info = String::new();
        server.read_line(&mut info).await?;
        if let Some(port) = self.announced {
            let announced = format!(r#"INFO {{"connect_urls":["127.0.0.1:{port}"],"#);
            info = info.replacen("INFO {", &announced, 1);
        }
        client.write_all(info.as_bytes()).await?;
        copy(&mut server, &mut client).await.map(drop)
    }

    async fn to_server(
        &self,
        mut client: BufReader<OwnedReadHalf>,
        mut server: OwnedWriteHalf,
    ) -> std::io::Result<()> {
        loop {
            let mut line = Vec::new();
            if client.read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let mut payload = vec![0; payload(&line)];
            client.read_exact(&mut payload).await?;
            if !(payload.starts_with(b"+ACK") && self.loses_one()) {
                server.write_all(&line).await?;
                server.write_all(&payload).await?;
            }
        }
    }

    fn loses_one(&self) -> bool {
        let less = |count: usize| count.checked_sub(1);
        self.to_lose.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// The length of what follows this line: a message and its line break, or nothing.
fn payload(line: &[u8]) -> usize {
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_ascii_whitespace();
    match (words.next(), words.last()) {
        (Some("PUB" | "HPUB"), Some(length)) => length.parse::<usize>().expect("a length") + 2,
        _ => 0,
    }
}

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, Context};
use nevent_webhooks_queues::nats::NatsOptions;
use tokio::net::TcpStream;
use tokio::sync::Mutex as AsyncMutex;

use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::ledger;
use crate::support::ports::free_port;
use crate::support::process::Process;

/// A nats-server on a port of its own, with its data in a temporary directory. Killed when dropped.
pub struct Broker {
    /// Before the directory: a process that is gone writes no more into it.
    process: Mutex<Process>,
    directory: Directory,
    pub port: u16,
}

/// With JetStream. Its directory is the working directory.
const STORED: &str = "jetstream { store_dir: data }";

impl Broker {
    pub async fn start() -> Self {
        Self::with(STORED).await
    }

    /// JetStream, and more lines of its configuration.
    pub async fn also(more: &str) -> Self {
        Self::with(&format!("{STORED}\n{more}")).await
    }

    /// With these lines of configuration.
    pub async fn with(lines: &str) -> Self {
        for _ in 0..20 {
            let (directory, port) = (Directory::new(), free_port());
            let text = format!("listen: \"127.0.0.1:{port}\"\n{lines}\n");
            std::fs::write(directory.file("conf"), text).expect("a directory of its own");
            let process = Mutex::new(run(&directory));
            let broker = Self { process, directory, port };
            if broker.is_up().await {
                return broker;
            }
        }
        panic!("20 ports in a row were taken before nats-server could listen");
    }

    /// A server for all tests that leave it running.
    pub async fn shared() -> Arc<Self> {
        static SHARED: AsyncMutex<Weak<Broker>> = AsyncMutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(broker) = shared.upgrade() {
            return broker;
        }
        let broker = Arc::new(Self::start().await);
        *shared = Arc::downgrade(&broker);
        broker
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// What a killed worker had in hand is soon delivered again.
    pub fn options(&self, queue: &str) -> NatsOptions {
        let options = NatsOptions::new(&self.url(), queue).expect("a URL");
        options.ack_wait(Duration::from_secs(1))
    }

    /// A client of the test's own.
    pub async fn context(&self) -> Context {
        jetstream::new(async_nats::connect(self.url()).await.expect("a server"))
    }

    /// The number of messages in this stream, also those that a worker has.
    pub async fn messages(&self, stream: &str) -> u64 {
        let stream = self.context().await.get_stream(stream).await.expect("a stream");
        stream.cached_info().state.messages
    }

    /// Changes the configuration of this stream.
    pub async fn edit(&self, stream: &str, edit: impl Fn(&mut Config)) {
        let context = self.context().await;
        let stream = context.get_stream(stream).await.expect("a stream");
        let mut config = stream.cached_info().config.clone();
        edit(&mut config);
        context.update_stream(config).await.expect("an edit that the server allows");
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// SIGTERM, after which the server writes what it knows.
    pub fn stop(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.signal("-TERM");
        process.wait();
    }

    /// Starts the server again, with the same data.
    pub async fn up(&self) {
        for _ in 0..20 {
            let started = run(&self.directory);
            *self.process.lock().unwrap_or_else(PoisonError::into_inner) = started;
            if self.is_up().await {
                return;
            }
        }
        panic!("nats-server does not come back on port {}", self.port);
    }

    /// While the server is down: keeps a copy of this stream's messages.
    pub fn back_up(&self, stream: &str) {
        self.in_streams("rm -rf ../../../backup && cp -a \"$0/msgs\" ../../../backup", stream);
    }

    /// While the server is down: brings the messages back. What the consumers remember is left as it is.
    pub fn bring_back(&self, stream: &str) {
        self.in_streams("rm -rf \"$0/msgs\" && cp -a ../../../backup \"$0/msgs\"", stream);
    }

    fn in_streams(&self, script: &str, stream: &str) {
        let mut command = Command::new("sh");
        command
            .args(["-c", script, stream])
            .current_dir(self.directory.file("data/jetstream/$G/streams"));
        assert!(command.status().is_ok_and(|status| status.success()), "{script}");
    }

    /// Whether it accepts connections. `false` if it has ended, because its port was taken.
    async fn is_up(&self) -> bool {
        let mut ended = false;
        eventually("nats-server accepts connections", async || {
            ended = self.process.lock().unwrap_or_else(PoisonError::into_inner).has_ended();
            ended || TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
        })
        .await;
        !ended
    }
}

fn run(directory: &Directory) -> Process {
    let server = std::env::var("NATS_SERVER").unwrap_or("/usr/sbin/nats-server".to_owned());
    let mut command = Command::new(&server);
    command.args(["-c", "conf", "-l", "log"]).current_dir(directory.path());
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Process(started.unwrap_or_else(|error| {
        panic!(
            "{server}: {error}: run ./test, which installs nats-server, or name another one in \
            NATS_SERVER"
        )
    }))
}

impl ledger::Broker for Broker {
    async fn crash_and_restart(&self) {
        self.kill();
        self.up().await;
    }
}

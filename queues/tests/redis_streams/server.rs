use std::fmt::Debug;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::{FromRedisValue, ToRedisArgs};
use tokio::time::sleep;

use crate::support::directory::Directory;
use crate::support::ledger::Broker;
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::{PATIENCE, eventually};

/// A redis-server on a port and in a directory of its own. Killed when dropped.
pub struct Server {
    /// Before the directory: a process that is gone writes no more into it.
    process: Mutex<Process>,
    directory: Directory,
    more: Vec<String>,
    port: u16,
}

/// What keeps every entry.
pub const DURABLE: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

impl Server {
    pub async fn durable() -> Self {
        Self::with(DURABLE).await
    }

    /// With more arguments of redis-server.
    pub async fn with(more: &[&str]) -> Self {
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        for _ in 0..20 {
            let (directory, port) = (Directory::new(), free_port());
            let process = Mutex::new(start(&directory, port, &more));
            let server = Self { process, directory, more: more.clone(), port };
            if server.is_up().await {
                return server;
            }
        }
        panic!("20 ports in a row were taken before redis-server could listen");
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// Sends a signal, such as `-STOP` or `-CONT`.
    pub fn signal(&self, signal: &str) {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).signal(signal);
    }

    /// Started again with the same data.
    pub async fn restart(&self) {
        self.kill();
        for _ in 0..20 {
            let started = start(&self.directory, self.port, &self.more);
            *self.process.lock().unwrap_or_else(PoisonError::into_inner) = started;
            if self.is_up().await {
                return;
            }
        }
        panic!("redis-server does not come back on port {}", self.port);
    }

    /// Started again with other arguments.
    pub async fn restart_with(&mut self, more: &[&str]) {
        self.more = more.iter().map(ToString::to_string).collect();
        self.restart().await;
    }

    /// Whether it answers. `false` if it has ended, because its port was taken.
    async fn is_up(&self) -> bool {
        let mut ended = false;
        eventually("redis-server answers", async || {
            ended = self.process.lock().unwrap_or_else(PoisonError::into_inner).has_ended();
            ended || self.try_command::<String>(&["PING"]).await.is_ok()
        })
        .await;
        !ended
    }

    pub async fn command<T: FromRedisValue>(&self, words: &[impl Word]) -> T {
        let answer = self.try_command(words).await;
        answer.unwrap_or_else(|error| panic!("{words:?} on port {}: {error}", self.port))
    }

    /// On its Unix socket, so that nobody else can answer in its place.
    async fn try_command<T: FromRedisValue>(&self, words: &[impl Word]) -> redis::RedisResult<T> {
        let client = redis::Client::open(format!("unix://{}", self.directory.file("socket")))?;
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        redis::Cmd::new().arg(words).query_async(&mut connection).await
    }
}

/// Text or bytes, as an argument of a command.
pub trait Word: ToRedisArgs + Debug {}

impl<W: ToRedisArgs + Debug> Word for W {}

fn start(directory: &Directory, port: u16, more: &[String]) -> Process {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]);
    command.args(["--unixsocket", &directory.file("socket"), "--dir", &directory.file("")]);
    command.args(["--logfile", &directory.file("log")]).args(more);
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Process(started.expect("redis-server is installed: run ./test, which installs it"))
}

impl Broker for Server {
    async fn crash_and_restart(&self) {
        self.kill();
        sleep(Duration::from_millis(300)).await;
        self.restart().await;
    }
}

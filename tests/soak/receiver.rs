//! An example as a process, its memory, and the deliveries it printed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use super::example;

pub struct Receiver {
    inner: example::Receiver,
    /// How often each delivery was handled.
    handled: JoinHandle<BTreeMap<String, u32>>,
}

impl Receiver {
    pub fn start(name: &str) -> Self {
        let mut inner = example::Receiver::from(&mut Command::new(examples().join(name)));
        let lines = BufReader::new(inner.stdout()).lines();
        let handled = thread::spawn(move || count(lines.map(|line| line.expect("text"))));
        Self { inner, handled }
    }

    pub fn port(&self) -> u16 {
        self.inner.port
    }

    /// Bytes of resident memory.
    pub fn memory(&self) -> u64 {
        self.inner.process.memory()
    }

    /// The most bytes of resident memory there ever were.
    pub fn peak_memory(&self) -> u64 {
        self.inner.process.peak_memory()
    }

    /// Asks it to stop, and returns how often it handled each delivery.
    pub fn stop(mut self) -> BTreeMap<String, u32> {
        self.inner.process.signal("-TERM");
        assert!(self.inner.process.wait().success(), "it ended well");
        self.handled.join().expect("no panic")
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

/// The directory of the examples, which are built first, optimised, with the cargo that runs the
/// tests.
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

//! The examples as their users run them: processes with an environment. Each test includes this
//! file beside `ports`, `process` and `secrets`.
#![allow(dead_code, reason = "each test uses a part")]

use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::ports::free_port;
use super::process::Process;
use super::secrets::SECRET;

/// The longest a busy machine may need to start a program.
const PATIENCE: Duration = Duration::from_secs(60);
const NOT_BUILT: &str =
    "the example is built: run ./test, or cargo build --all-features --examples";

/// An example with an empty environment.
pub fn example(name: &str) -> Command {
    // `cargo test` builds the examples beside the tests.
    let test = std::env::current_exe().expect("this test's path");
    let target: PathBuf = test.ancestors().nth(2).expect("target/<profile>").into();
    let mut command = Command::new(target.join("examples").join(name));
    command.env_clear();
    command
}

/// An example that receives, on a port of its own. Killed when dropped.
pub struct Receiver {
    pub process: Process,
    pub port: u16,
}

impl Receiver {
    /// Starts it with the secret and these variables.
    pub fn start(name: &str, variables: &[(&str, &str)]) -> Self {
        Self::from(example(name).envs(variables.iter().copied()))
    }

    /// Starts this command with the secret, and waits until it listens.
    pub fn from(command: &mut Command) -> Self {
        Self::with_log(command, Stdio::null())
    }

    /// The same, with its standard error in `log`.
    pub fn with_log(command: &mut Command, log: Stdio) -> Self {
        let port = free_port();
        let child = command
            .env("NEVENT_WEBHOOK_SECRET", SECRET)
            .env("BIND", format!("127.0.0.1:{port}"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn();
        let mut receiver = Self { process: Process(child.expect(NOT_BUILT)), port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(!receiver.process.has_ended(), "{command:?} ended instead of listening");
            assert!(begun.elapsed() < PATIENCE, "{command:?} does not listen");
            sleep(Duration::from_millis(10));
        }
        receiver
    }

    /// Sends deliveries to it with the example `send`, and returns what that printed.
    pub fn send(&self, arguments: &[&str]) -> std::process::Output {
        let url = format!("http://127.0.0.1:{}/webhooks/nevent", self.port);
        let mut send = example("send");
        send.env("NEVENT_WEBHOOK_SECRET", SECRET).args(["--url", &url]).args(arguments);
        send.output().expect(NOT_BUILT)
    }

    /// Takes its standard output. Can be called once.
    pub fn stdout(&mut self) -> ChildStdout {
        self.process.0.stdout.take().expect("piped, and not yet taken")
    }

    /// All that it printed and prints until it ends.
    pub fn printed(&mut self) -> String {
        let mut printed = String::new();
        self.stdout().read_to_string(&mut printed).expect("text");
        printed
    }
}

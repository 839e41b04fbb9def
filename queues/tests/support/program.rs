//! Receivers and workers as processes of their own. Each is this very test program, running the one
//! test that is the receiver or the worker.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use super::PATIENCE;
use super::process::Process;

/// A process that can be killed and started again. Killed when dropped.
pub struct Program {
    process: Process,
    test: String,
    environment: Vec<(String, String)>,
    said: String,
}

/// Set in every process that a test starts. Its test does nothing without it.
const STARTED: &str = "QUEUES_TEST_PROGRAM";

impl Program {
    /// Runs the test of this path, such as `ledger::worker`, with more variables in its environment.
    /// Returns when it has called [`say`].
    pub fn start(test: &str, environment: &[(String, String)]) -> Self {
        let this = std::env::current_exe().expect("this test's path");
        let mut process = Command::new(this)
            // With a single thread the test's name would stand on the first line that it says.
            .args(["--exact", test, "--nocapture", "--test-threads=2"])
            .env(STARTED, "1")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test runs");
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let (send, said) = mpsc::channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(text) = line.strip_prefix("said ") {
                    let _ = send.send(text.to_owned());
                }
            }
        });
        let process = Process(process);
        let said = said.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{test} says nothing"));
        Self { process, test: test.to_owned(), environment: environment.to_vec(), said }
    }

    /// What it said when it was ready.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends a signal, such as `-TERM` or `-STOP`.
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// `kill -9`, and a new process with the same environment.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        *self = Self::start(&self.test, &self.environment);
    }
}

/// In the process: whether a test started it, and not the user.
pub fn is_program() -> bool {
    std::env::var_os(STARTED).is_some()
}

/// In the process: a variable of its environment.
pub fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name}: told by the test that started this"))
}

/// In the process: that it is ready. One write, which a kill does not cut.
pub fn say(text: impl std::fmt::Display) {
    let line = format!("\nsaid {text}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).expect("the test listens");
}

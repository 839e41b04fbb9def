//! Programs that tests start: signals and memory. Each test includes this file.
#![allow(dead_code, reason = "each test uses a part")]

use std::process::{Child, Command, ExitStatus};

/// A program that a test has started. Killed when dropped.
#[derive(Debug)]
pub struct Process(pub Child);

impl Process {
    /// Sends SIGKILL and waits for the end; a stopped program ends, too.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Sends a signal, such as `-TERM` or `-STOP`.
    pub fn signal(&self, signal: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {id}");
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.0.wait().expect("a child of this program")
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("a child of this program").is_some()
    }

    /// Bytes of resident memory.
    pub fn memory(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most bytes of resident memory there ever were.
    pub fn peak_memory(&self) -> u64 {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> u64 {
        let path = format!("/proc/{}/status", self.0.id());
        let status = std::fs::read_to_string(path).expect("a program that runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("a field");
        let kib = line.trim().strip_suffix(" kB").and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a number of KiB") << 10
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

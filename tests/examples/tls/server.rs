//! The example `tls` with its files and its log.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::certificates::{Identity, directory, replace};
use crate::example::{Receiver, example};

pub struct Server {
    pub receiver: Receiver,
    directory: PathBuf,
}

impl Server {
    /// Starts it in a directory of this name, with these further arguments.
    pub fn start(test: &str, identity: &Identity, arguments: &[&str]) -> Self {
        let directory = directory(test);
        let [cert, key, log] = ["cert.pem", "key.pem", "log"].map(|name| directory.join(name));
        replace(&cert, &identity.certificate_pem());
        replace(&key, &identity.key_pem());
        let mut command = example("tls");
        command.arg("--cert").arg(cert).arg("--key").arg(key).args(arguments);
        let log = File::create(log).expect("a writable directory");
        Self { receiver: Receiver::with_log(&mut command, log.into()), directory }
    }

    /// Replaces the file of the certificate.
    pub fn replace_certificate(&self, content: &str) {
        replace(&self.directory.join("cert.pem"), content);
    }

    /// Replaces the file of the key.
    pub fn replace_key(&self, content: &str) {
        replace(&self.directory.join("key.pem"), content);
    }

    pub fn remove_key(&self) {
        fs::remove_file(self.directory.join("key.pem")).expect("there is one");
    }

    /// Sends SIGHUP, and returns the line that the receiver then writes about its certificate.
    pub fn hang_up(&self) -> String {
        let before = self.lines();
        self.receiver.process.signal("-HUP");
        self.next_line(before, Duration::from_secs(60))
    }

    /// Waits for the line about the certificate after the first `before` of them.
    pub fn next_line(&self, before: usize, patience: Duration) -> String {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.reports().into_iter().nth(before) {
                return line;
            }
            assert!(begun.elapsed() < patience, "nothing in the log");
            sleep(Duration::from_millis(10));
        }
    }

    /// How many lines about its certificate it has written.
    pub fn lines(&self) -> usize {
        self.reports().len()
    }

    fn reports(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.join("log")).expect("a log");
        let whole = log.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let reports =
            whole.filter(|line| line.starts_with("reloaded ") || line.starts_with("kept "));
        reports.map(str::to_owned).collect()
    }
}

//! The examples, as a user runs them.

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};

use super::directory::Directory;
use super::process::Process;
use super::receiver::SECRET;
use super::sender::{Sender, Sent};

/// An example, whose lines of output are read one by one. `cargo test` has built it.
struct Example {
    process: Process,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Example {
    fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let this = std::env::current_exe().expect("this test's path");
        let profile = this.parent().and_then(|deps| deps.parent()).expect("target/debug");
        let path: PathBuf = profile.join("examples").join(name);
        let mut command = Command::new(&path);
        command.envs(environment.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        Self { process: Process(process), lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it runs").expect("text")
    }
}

/// Starts `{engine}_receiver` and `{engine}_worker`, sends a delivery, and stops the worker. The
/// environment says where the broker is.
pub async fn receiver_and_worker(engine: &str, environment: &[(&str, &str)]) {
    let directory = Directory::new();
    let file = directory.file("shop.db");
    let own = [("SHOP_FILE", &*file), ("BIND", "127.0.0.1:0"), ("NEVENT_WEBHOOK_SECRET", SECRET)];
    let environment = [environment, &own].concat();
    let mut receiver = Example::start(&format!("{engine}_receiver"), &environment);
    let listening = receiver.line();
    let address = listening.strip_prefix("listening on ").expect("an address");
    let mut worker = Example::start(&format!("{engine}_worker"), &environment);
    assert_eq!(worker.line(), "working");
    let sender = Sender::new(vec![address.parse().expect("an address")]);
    sender.deliver(&Sent::single(1)).await;
    assert_eq!(worker.line(), "evt_single_1 fan.created");
    worker.process.signal("-TERM");
    assert!(worker.process.wait().success());
}

//! The examples, as a user runs them.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::broker::Broker;
use crate::support::directory::Directory;
use crate::support::process::Process;
use crate::support::receiver::SECRET;
use crate::support::sender::{Sender, Sent};

/// An example, whose lines of output are read one by one. `cargo test` has built it.
struct Example {
    process: Process,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_receiver_and_the_worker() {
    let (broker, directory) = (Broker::shared().await, Directory::new());
    let (brokers, file) = (broker.address(), directory.file("shop.db"));
    let environment = [
        ("KAFKA_BROKERS", &*brokers),
        ("SHOP_FILE", &file),
        ("BIND", "127.0.0.1:0"),
        ("NEVENT_WEBHOOK_SECRET", SECRET),
    ];
    let mut receiver = Example::start("kafka_receiver", &environment);
    let listening = receiver.line();
    let address = listening.strip_prefix("listening on ").expect("an address");
    let mut worker = Example::start("kafka_worker", &environment);
    assert_eq!(worker.line(), "working");
    let sender = Sender::new(vec![address.parse().expect("an address")]);
    sender.deliver(&Sent::single(1)).await;
    assert_eq!(worker.line(), "evt_single_1 fan.created");
    worker.process.signal("-TERM");
    assert!(worker.process.wait().success());
}

//! The receivers to copy, with `REDIS_URL`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::{SECRET, Server};

/// `cargo test` builds the examples beside the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("this test's path");
    let target: PathBuf = test.ancestors().nth(2).expect("target/<profile>").into();
    let mut command = Command::new(target.join("examples").join(name));
    command.env_clear().env("NEVENT_WEBHOOK_SECRET", SECRET);
    command
}

struct Receiver {
    process: Child,
    address: SocketAddr,
}

impl Receiver {
    fn start(name: &str, redis_url: &str) -> Self {
        let port = crate::support::ports::free_port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut process = example(name)
            .env("BIND", address.to_string())
            .env("REDIS_URL", redis_url)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the example is built: run ./test, or cargo build --examples");
        let stderr = BufReader::new(process.stderr.as_mut().expect("piped"));
        let listening = stderr.lines().map_while(Result::ok).any(|line| line.contains("listening"));
        assert!(listening, "it ended instead");
        Self { process, address }
    }

    fn sent(&self, id: &str, event: &str) -> String {
        let url = format!("http://{}/webhooks/nevent", self.address);
        let output =
            example("send").args(["--url", &url, "--delivery", id, "--event", event]).output();
        String::from_utf8(output.expect("the example is built").stdout).expect("text")
    }

    /// What a GET is answered.
    fn status(&self, path: &str) -> u16 {
        let mut connection = TcpStream::connect(self.address).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).expect("it is read");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    fn printed(mut self) -> String {
        self.process.kill().expect("a process of ours");
        let mut printed = String::new();
        let stdout = self.process.stdout.as_mut().expect("piped");
        stdout.read_to_string(&mut printed).expect("text");
        printed
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(feature = "actix")]
const PAIR: [&str; 2] = ["axum", "actix"];
#[cfg(not(feature = "actix"))]
const PAIR: [&str; 2] = ["axum", "axum"];

#[tokio::test]
async fn two_receivers_share_one_memory() {
    let server = Server::start().await;
    let [one, other] = PAIR.map(|name| Receiver::start(name, &server.url()));
    assert_eq!(one.sent("shared", "fan.created"), "200\n");
    assert_eq!(other.sent("shared", "fan.created"), "200 Already processed\n");
    assert_eq!(other.sent("another", "sms.sent"), "200\n");
    assert!(one.printed().contains("handled delivery=shared"));
    assert!(!other.printed().contains("handled delivery=shared"));
}

#[tokio::test]
async fn a_receiver_without_its_server_lives_and_is_not_ready() {
    let server = Server::start().await;
    for name in PAIR {
        let receiver = Receiver::start(name, &server.url());
        assert_eq!((receiver.status("/healthz"), receiver.status("/readyz")), (200, 200));
        server.kill();
        assert_eq!((receiver.status("/healthz"), receiver.status("/readyz")), (200, 503));
        server.restart().await;
    }
}

#[tokio::test]
async fn a_server_that_is_not_fit_is_told_at_the_start() {
    let server = Server::with(&["--requirepass", "sesame"]).await;
    let url = server.url().replace("sesame", "wrong");
    let output = example("axum").env("BIND", "127.0.0.1:0").env("REDIS_URL", url).output();
    let output = output.expect("the example is built");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success());
    assert!(error.contains("Check the user and the password in the URL"), "{error}");
    assert!(!error.contains("wrong@"), "{error}");
}

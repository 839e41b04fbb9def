//! The example receivers with `REDIS_URL`.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::example::{Receiver, example};
use crate::support::{SECRET, Server};

impl Receiver {
    fn sent(&self, id: &str, event: &str) -> String {
        let output = self.send(&["--delivery", id, "--event", event]);
        String::from_utf8(output.stdout).expect("text")
    }

    /// The status of a GET.
    fn status(&self, path: &str) -> u16 {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).expect("it is read");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
    }

    fn killed(mut self) -> String {
        self.process.kill();
        self.printed()
    }
}

#[cfg(feature = "actix")]
const PAIR: [&str; 2] = ["axum", "actix"];
#[cfg(not(feature = "actix"))]
const PAIR: [&str; 2] = ["axum", "axum"];

#[tokio::test]
async fn two_receivers_share_one_memory() {
    let server = Server::start().await;
    let [one, other] = PAIR.map(|name| Receiver::start(name, &[("REDIS_URL", &server.url())]));
    assert_eq!(one.sent("shared", "fan.created"), "200\n");
    assert_eq!(other.sent("shared", "fan.created"), "200 Already processed\n");
    assert_eq!(other.sent("another", "sms.sent"), "200\n");
    assert!(one.killed().contains("handled delivery=shared"));
    assert!(!other.killed().contains("handled delivery=shared"));
}

#[tokio::test]
async fn a_receiver_without_its_server_lives_and_is_not_ready() {
    let server = Server::start().await;
    for name in PAIR {
        let receiver = Receiver::start(name, &[("REDIS_URL", &server.url())]);
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
    let mut axum = example("axum");
    axum.env("NEVENT_WEBHOOK_SECRET", SECRET).env("BIND", "127.0.0.1:0").env("REDIS_URL", url);
    let output = axum.output().expect("the example is built");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success());
    assert!(error.contains("Check the user and the password in the URL"), "{error}");
    assert!(!error.contains("wrong@"), "{error}");
}

//! Connections to the example receivers: idle, half closed, with an endless head, or with
//! HTTP/2.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use super::secrets::signature;
use super::{RECEIVERS, Receiver, start};

impl Receiver {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        stream
    }

    fn get(&self, path: &str) -> String {
        let mut connection = self.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).expect("it is read");
        rest(&mut connection)
    }
}

/// All that comes until the receiver closes the connection.
pub fn rest(connection: &mut TcpStream) -> String {
    let mut received = Vec::new();
    if let Err(error) = connection.read_to_end(&mut received) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it was closed");
    }
    String::from_utf8_lossy(&received).into_owned()
}

/// The body of an event.
pub fn body(id: &str) -> String {
    let fields = r#""type":"fan.created","created":1,"organization_id":"org_1","data":{}"#;
    format!(r#"{{"id":"evt_{id}",{fields}}}"#)
}

/// A genuine delivery as it goes over the wire.
pub fn delivery(id: &str) -> Vec<u8> {
    let body = body(id);
    let signature = signature(&body);
    format!(
        "POST /webhooks/nevent HTTP/1.1\r\nHost: h\r\nX-Nevent-Delivery: {id}\r\n\
         X-Nevent-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Runs a check on all receivers at once.
fn on_each(check: fn(&'static str, Receiver)) {
    let run = |name: &'static str| spawn(move || check(name, start(name)));
    let running: Vec<_> = RECEIVERS.iter().copied().map(run).collect();
    for each in running {
        each.join().expect("the check holds");
    }
}

#[test]
fn health_and_readiness_are_answered() {
    on_each(|name, receiver| {
        let health = receiver.get("/healthz");
        assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("\r\n\r\nok"), "{name}");
        let ready = receiver.get("/readyz");
        assert!(ready.starts_with("HTTP/1.1 200 ") && ready.ends_with("\r\n\r\nready"), "{name}");
    });
}

/// A client may close its side behind its request, and still wait for the answer.
#[test]
fn half_closed_connections_are_answered() {
    on_each(|name, receiver| {
        for number in 0..50 {
            let mut connection = receiver.connect();
            connection.write_all(&delivery(&format!("d-{number}"))).expect("it is read");
            connection.shutdown(Shutdown::Write).expect("a socket");
            let answer = rest(&mut connection);
            assert!(answer.starts_with("HTTP/1.1 200 "), "{name}, number {number}: {answer:?}");
        }
    });
}

fn idle(name: &str, receiver: Receiver, pause: Duration) {
    let mut connection = receiver.connect();
    connection.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    for number in 0..2 {
        sleep(pause * number);
        let sent = connection.write_all(&delivery(&format!("d-{number}")));
        sent.unwrap_or_else(|error| panic!("{name} closed the connection: {error}"));
        let mut answer = [0; 12];
        let read = connection.read_exact(&mut answer);
        read.unwrap_or_else(|error| panic!("{name} closed the connection: {error}"));
        assert_eq!(&answer, b"HTTP/1.1 200", "{name}");
        while !answer.ends_with(b"\r\n\r\n") {
            answer.rotate_left(1);
            connection.read_exact(&mut answer[11..]).expect("the rest of a head");
        }
    }
    // The idle connection does not keep the receiver from stopping.
    let begun = Instant::now();
    receiver.stop();
    assert!(begun.elapsed() < Duration::from_secs(20), "{name}: {:?}", begun.elapsed());
}

/// Longer than the limit of a head.
#[test]
fn idle_connections_are_kept() {
    on_each(|name, receiver| idle(name, receiver, Duration::from_secs(12)));
}

/// Load balancers keep connections idle for as long.
#[test]
#[ignore = "a minute"]
fn idle_connections_are_kept_for_a_minute() {
    on_each(|name, receiver| idle(name, receiver, Duration::from_secs(62)));
}

#[test]
fn connections_with_an_endless_head_are_closed() {
    on_each(|name, receiver| {
        for start in ["", "POST /webhooks/nevent HTTP/1.1\r\nHost: h\r\nX-Nevent"] {
            let mut connection = receiver.connect();
            connection.write_all(start.as_bytes()).expect("it is read");
            let answer = rest(&mut connection);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{name}: {answer}");
        }
    });
}

/// HTTP/2 brings many bodies in one connection; nothing here limits them but the budget.
#[test]
fn http_2_is_refused() {
    on_each(|name, receiver| {
        let mut connection = receiver.connect();
        let settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        connection.write_all(settings).expect("it is read");
        let answer = rest(&mut connection);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{name}: {answer:?}");
    });
}

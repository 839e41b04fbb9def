//! The example that terminates TLS itself.

mod certificates;
mod client;
mod client_certificates;
mod protocols;
mod reload;
mod server;
mod startup;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustls::{AlertDescription, ProtocolVersion};

use super::connections::{delivery, rest};
use certificates::Authority;
use client::{client, connect, deliver, head};
use server::Server;

/// A receiver, and the authority of its certificate.
fn start(test: &str) -> (Server, Authority) {
    let authority = Authority::new(test);
    (Server::start(test, &authority.server(), &[]), authority)
}

#[test]
fn deliveries_are_handled_over_tls() {
    let (server, authority) = start("deliveries");
    let mut connection = connect(&server.receiver, &client(&authority, None)).expect("a handshake");
    assert_eq!(connection.conn.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    for id in ["d-1", "d-2"] {
        assert!(deliver(&mut connection, id).starts_with("HTTP/1.1 200 "));
    }
    let forged =
        String::from_utf8(delivery("d-3")).expect("text").replace("fan.created", "fan.deleted");
    connection.write_all(forged.as_bytes()).expect("it is read");
    assert!(head(&mut connection).starts_with("HTTP/1.1 401 "));
    assert_eq!(
        server.receiver.stop(),
        "handled delivery=d-1 event=fan.created id=evt_d-1\n\
         handled delivery=d-2 event=fan.created id=evt_d-2\n"
    );
}

#[test]
fn plain_http_is_refused() {
    let (server, _) = start("plain");
    let mut connection = server.receiver.connect();
    connection.write_all(&delivery("d-1")).expect("it is read");
    let answer = rest(&mut connection);
    assert!(!answer.contains("HTTP/"), "{answer:?}");
    assert_eq!(server.receiver.stop(), "");
}

/// The first message of a client whose newest version is TLS 1.`minor`.
fn client_hello(minor: u8) -> Vec<u8> {
    let mut hello = vec![3, minor + 1];
    hello.extend([7; 32]); // Random bytes.
    hello.push(0); // No earlier session.
    hello.extend([0, 8, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x09, 0xc0, 0x13]); // Cipher suites.
    hello.extend([1, 0]); // No compression.
    let curves = [0, 10, 0, 4, 0, 2, 0, 23];
    let points = [0, 11, 0, 2, 1, 0];
    let signatures = [0, 13, 0, 6, 0, 4, 4, 3, 8, 4];
    let extensions = [&curves[..], &points, &signatures].concat();
    hello.extend([0, u8::try_from(extensions.len()).expect("short")]);
    hello.extend(extensions);
    let length = u8::try_from(hello.len()).expect("short");
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(hello);
    record
}

/// No library here speaks TLS 1.1.
#[test]
fn tls_1_2_is_the_oldest_version() {
    let (server, _) = start("versions");
    let answer = |minor| {
        let mut connection = server.receiver.connect();
        connection.write_all(&client_hello(minor)).expect("it is read");
        let mut record = [0; 7];
        connection.read_exact(&mut record).expect("a record");
        record
    };
    let [kind, _, _, _, _, message, _] = answer(2);
    assert_eq!((kind, message), (22, 2), "the receiver's hello");
    for minor in [0, 1] {
        let [kind, _, _, _, length, level, alert] = answer(minor);
        let version = u8::from(AlertDescription::ProtocolVersion);
        assert_eq!((kind, length, level, alert), (21, 2, 2, version), "TLS 1.{minor}");
    }
}

#[test]
fn silent_clients_hold_up_nobody_and_are_disconnected() {
    let (server, authority) = start("silent");
    let connect_silently = |number| {
        let mut connection = server.receiver.connect();
        // Half of them begin a handshake.
        let begun = &client_hello(2)[..if number % 2 == 0 { 0 } else { 20 }];
        connection.write_all(begun).expect("it is read");
        connection
    };
    let mut silent: Vec<_> = (0..200).map(connect_silently).collect();
    let mut connection = connect(&server.receiver, &client(&authority, None)).expect("a handshake");
    assert!(deliver(&mut connection, "d-1").starts_with("HTTP/1.1 200 "));
    for each in &mut silent {
        each.set_nonblocking(true).expect("a socket");
        let waits = each.read(&mut [0]).expect_err("it is still connected");
        assert_eq!(waits.kind(), ErrorKind::WouldBlock);
        each.set_nonblocking(false).expect("a socket");
    }
    for each in &mut silent {
        assert_eq!(rest(each), "");
    }
}

#[test]
fn requests_in_progress_are_answered_before_the_receiver_stops() {
    let (mut server, authority) = start("stop");
    let client = client(&authority, None);
    let _silent = server.receiver.connect();
    let mut idle = connect(&server.receiver, &client).expect("a handshake");
    assert!(deliver(&mut idle, "d-1").starts_with("HTTP/1.1 200 "));
    let mut busy = connect(&server.receiver, &client).expect("a handshake");
    let request = String::from_utf8(delivery("d-2")).expect("text");
    let (before, body) = request.split_once("\r\n\r\n").expect("a head");
    busy.write_all(format!("{before}\r\nExpect: 100-continue\r\n\r\n").as_bytes())
        .expect("it is read");
    assert!(head(&mut busy).starts_with("HTTP/1.1 100 "), "the receiver reads the body");

    server.receiver.process.signal("-TERM");
    let (begun, address) = (Instant::now(), ("127.0.0.1", server.receiver.port));
    while TcpStream::connect(address).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it still takes connections");
        sleep(Duration::from_millis(1));
    }
    busy.write_all(body.as_bytes()).expect("it is read");
    assert!(head(&mut busy).starts_with("HTTP/1.1 200 "));
    assert!(server.receiver.process.wait().success());
    assert_eq!(server.receiver.printed().lines().count(), 2);
}

//! HTTP/2 and HTTP/1.1, as ALPN negotiates them.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, StatusCode, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nevent_webhooks::{DELIVERY_HEADER, SIGNATURE_HEADER};
use rustls::AlertDescription;
use tokio_rustls::TlsConnector;

use super::client::{client, connect, deliver, refusal, server_name};
use super::start;
use crate::connections::body;
use crate::secrets::signature;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn http_2_is_negotiated() {
    let (server, authority) = start("http-2");
    let mut client = client(&authority, None);
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", server.receiver.port)).await;
    let connector = TlsConnector::from(Arc::new(client));
    let stream = connector.connect(server_name(), stream.expect("it listens")).await;
    let stream = stream.expect("a handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let opened = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.expect("HTTP/2");
    tokio::spawn(connection);
    let body = body("d-1");
    let request = Request::post("https://127.0.0.1/webhooks/nevent")
        .header(SIGNATURE_HEADER, signature(&body))
        .header(DELIVERY_HEADER, "d-1")
        .body(Full::<Bytes>::from(body));
    let response = sender.send_request(request.expect("a request")).await.expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(server.receiver.stop().starts_with("handled delivery=d-1 "));
}

#[test]
fn http_1_is_negotiated_and_nothing_else() {
    let (server, authority) = start("alpn");
    let mut client = client(&authority, None);
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut connection = connect(&server.receiver, &client).expect("a handshake");
    assert_eq!(connection.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(deliver(&mut connection, "d-1").starts_with("HTTP/1.1 200 "));
    client.alpn_protocols = vec![b"spdy/3".to_vec()];
    let refused = refusal(&server.receiver, &client);
    assert_eq!(refused, AlertDescription::NoApplicationProtocol);
}

/// Half a head after a complete request, and no answer to pings.
#[test]
#[ignore = "half a minute"]
fn http_2_clients_that_answer_no_ping_are_disconnected() {
    let (server, authority) = start("pings");
    let mut client = client(&authority, None);
    client.alpn_protocols = vec![b"h2".to_vec()];
    let mut connection = connect(&server.receiver, &client).expect("a handshake");
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // GET https /, with no further headers, as the whole of the first stream.
    let request = [0, 0, 3, 1, 5, 0, 0, 0, 1, 0x82, 0x87, 0x84];
    // The next head has 100 bytes, of which one is sent.
    let half = [0, 0, 100, 1, 4, 0, 0, 0, 3, 0x82];
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    connection.write_all(&[&preface[..], &settings, &request, &half].concat()).expect("it is read");
    let mut received = Vec::new();
    connection.sock.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
    let ended = connection.read_to_end(&mut received);
    if let Err(error) = ended {
        let kinds = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
    // 404, which is 0x8d in the static table, came before.
    let responded = received.windows(10).any(|frame| frame[3] == 1 && frame[9] == 0x8d);
    assert!(responded, "{received:?}");
}

//! A client that speaks TLS, by rustls.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ClientConfig, ClientConnection, Error, RootCertStore, StreamOwned};

use super::certificates::{Authority, Identity};
use crate::connections::delivery;
use crate::example::Receiver;

pub type Connection = StreamOwned<ClientConnection, std::net::TcpStream>;

/// Trusts this authority, and shows this certificate.
pub fn client(trusted: &Authority, own: Option<&Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate().clone()).expect("an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&TLS12, &TLS13])
        .expect("versions that ring has")
        .with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder
            .with_client_auth_cert(vec![own.certificate.clone()], own.private_key())
            .expect("a certificate and its key"),
    }
}

pub fn server_name() -> ServerName<'static> {
    ServerName::try_from("127.0.0.1").expect("an address")
}

/// Connects, and completes the client's part of the handshake.
pub fn connect(receiver: &Receiver, client: &ClientConfig) -> io::Result<Connection> {
    let session = ClientConnection::new(Arc::new(client.clone()), server_name());
    let mut connection = StreamOwned::new(session.expect("a client"), receiver.connect());
    connection.conn.complete_io(&mut connection.sock)?;
    Ok(connection)
}

/// Sends a genuine delivery, and returns the head of the response.
pub fn deliver(connection: &mut Connection, id: &str) -> String {
    connection.write_all(&delivery(id)).expect("it is read");
    head(connection)
}

/// Reads the head of a response.
pub fn head(connection: &mut impl Read) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).expect("a response");
        head.extend(byte);
    }
    String::from_utf8(head).expect("text")
}

/// The alert with which the receiver ends the handshake. With TLS 1.3 it comes after the client's
/// part of the handshake.
pub fn refusal(receiver: &Receiver, client: &ClientConfig) -> AlertDescription {
    let ended = connect(receiver, client).and_then(|mut open| open.read(&mut [0]));
    let error = ended.expect_err("the receiver refuses it");
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(Error::AlertReceived(alert)) => *alert,
        _ => panic!("no alert, but {error:?}"),
    }
}

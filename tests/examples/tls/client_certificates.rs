//! Clients that must show a certificate.

use std::path::Path;

use rustls::AlertDescription;

use super::certificates::{Authority, directory, replace};
use super::client::{client, connect, deliver, refusal};
use super::server::Server;

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

#[test]
fn only_clients_of_the_authority_can_deliver() {
    let (authority, foreign) = (Authority::new("own"), Authority::new("foreign"));
    let trusted = directory("client-ca").join("ca.pem");
    replace(&trusted, &authority.pem());
    let server = Server::start("clients", &authority.server(), &["--client-ca", text(&trusted)]);
    let receiver = &server.receiver;

    let none = client(&authority, None);
    assert_eq!(refusal(receiver, &none), AlertDescription::CertificateRequired);
    let stranger = client(&authority, Some(&foreign.client()));
    assert_eq!(refusal(receiver, &stranger), AlertDescription::UnknownCA);
    // A certificate for servers of the same authority says nothing about a client.
    let server_of_it = client(&authority, Some(&authority.server()));
    refusal(receiver, &server_of_it);
    let known = client(&authority, Some(&authority.client()));
    let mut connection = connect(receiver, &known).expect("a handshake");
    assert!(deliver(&mut connection, "d-1").starts_with("HTTP/1.1 200 "));

    // The file of the authority is read again, too.
    replace(&trusted, &foreign.pem());
    assert_eq!(server.hang_up(), "reloaded the certificate");
    assert_eq!(refusal(receiver, &known), AlertDescription::UnknownCA);
    let mut connection = connect(receiver, &stranger).expect("a handshake");
    assert!(deliver(&mut connection, "d-2").starts_with("HTTP/1.1 200 "));
    let printed = server.receiver.stop();
    assert_eq!(printed.lines().count(), 2, "{printed}");
}

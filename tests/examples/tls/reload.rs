//! Certificates that are replaced while the receiver runs.

use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::certificates::{Authority, Identity};
use super::client::{Connection, client, connect, deliver};
use super::server::Server;

fn seen(connection: &Connection) -> &CertificateDer<'static> {
    &connection.conn.peer_certificates().expect("a certificate")[0]
}

/// Connects anew, which sees this certificate, and delivers.
fn assert_serves(server: &Server, authority: &Authority, identity: &Identity, id: &str) {
    let mut connection =
        connect(&server.receiver, &client(authority, None)).expect("a good certificate");
    assert_eq!(seen(&connection), &identity.certificate);
    assert!(deliver(&mut connection, id).starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_new_certificate_is_taken_at_sighup_and_open_connections_go_on() {
    let authority = Authority::new("reload");
    let (old, new) = (authority.server(), authority.server());
    let server = Server::start("reload", &old, &[]);
    let mut open = connect(&server.receiver, &client(&authority, None)).expect("a handshake");
    assert!(deliver(&mut open, "d-1").starts_with("HTTP/1.1 200 "));

    server.replace_certificate(&new.certificate_pem());
    server.replace_key(&new.key_pem());
    assert_serves(&server, &authority, &old, "d-2"); // Nobody has told it yet.
    assert_eq!(server.hang_up(), "reloaded the certificate");
    assert_serves(&server, &authority, &new, "d-3");
    assert_eq!(seen(&open), &old.certificate);
    assert!(deliver(&mut open, "d-4").starts_with("HTTP/1.1 200 "));

    let printed = server.receiver.stop();
    let ids = ["d-1", "d-2", "d-3", "d-4"];
    assert_eq!(printed.lines().count(), ids.len(), "{printed}");
    for (line, id) in printed.lines().zip(ids) {
        assert!(line.starts_with(&format!("handled delivery={id} ")), "{line}");
    }
}

#[test]
fn files_that_cannot_be_used_keep_the_old_certificate() {
    let authority = Authority::new("broken");
    let (old, new) = (authority.server(), authority.server());
    let server = Server::start("broken", &old, &[]);
    let kept = |id: &str, reason: &str| {
        let line = server.hang_up();
        assert!(line.starts_with("kept the old certificate: --"), "{line}");
        assert!(line.contains(reason), "{line}");
        assert_serves(&server, &authority, &old, id);
    };
    server.replace_certificate(&new.certificate_pem());
    kept("d-1", "KeyMismatch; give a certificate and its own key");
    server.replace_certificate("renewal failed");
    kept("d-2", "cert.pem: no certificate that can be read");
    server.replace_certificate("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    kept("d-3", "invalid peer certificate: BadEncoding");
    server.replace_certificate(&new.certificate_pem());
    server.replace_key(&new.key_pem()[..40]);
    kept("d-4", "key.pem: no private key that can be read");
    server.remove_key();
    kept("d-5", "key.pem: No such file or directory");

    // The receiver has not given up.
    server.replace_key(&new.key_pem());
    assert_eq!(server.hang_up(), "reloaded the certificate");
    assert_serves(&server, &authority, &new, "d-6");
}

/// Without a signal.
#[test]
#[ignore = "two minutes"]
fn files_that_have_changed_are_noticed_within_a_minute() {
    let authority = Authority::new("noticed");
    let new = authority.server();
    let server = Server::start("noticed", &authority.server(), &[]);
    let two_minutes = Duration::from_secs(120);
    server.replace_certificate(&new.certificate_pem());
    let line = server.next_line(0, two_minutes);
    assert!(line.starts_with("kept the old certificate: "), "{line}");
    server.replace_key(&new.key_pem());
    assert_eq!(server.next_line(1, two_minutes), "reloaded the certificate");
    assert_serves(&server, &authority, &new, "d-1");
    assert_eq!(server.lines(), 2);
}

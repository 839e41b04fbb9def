//! TLS to the server, with the system's authorities or others.

#[allow(dead_code, reason = "the tests of Redis use the rest")]
#[path = "../redis/support/certificates.rs"]
mod certificates;
mod files;
mod secured;

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, PostgresStore};

use self::secured::{Secured, path};
use crate::support::{Server, claim};

/// The store works at this URL, and keeps its connections.
async fn works(url: &str) -> PostgresStore {
    PostgresStore::migrate(url).await.expect(url);
    let store = PostgresStore::connect(url).await.expect(url);
    let one = claim("one");
    assert_eq!(store.claim(&one).await.expect("a server"), ClaimAnswer::Acquired);
    store.release(&one).await.expect("a server");
    store
}

/// The store's error at this URL, which has to hold these texts.
async fn refused(url: &str, texts: &[&str]) {
    let error = PostgresStore::connect(url).await.expect_err(url).to_string();
    for text in texts {
        assert!(error.contains(text), "not {text:?}: {error}");
    }
    assert!(!error.contains('\n') && !error.contains("secret"), "{error}");
}

#[tokio::test]
async fn a_server_with_a_private_authority() {
    let server = Secured::start().await;
    let authority = path("authority.pem");
    for query in ["", "&sslmode=require", "&sslmode=verify-full"] {
        for host in ["127.0.0.1", "localhost"] {
            let url = server.url("postgres", host, &format!("sslrootcert={authority}{query}"));
            let _store = works(&url).await;
            assert!(server.encrypts_all_of_the_store().await, "{url}");
        }
    }
    // A program that installs its own provider afterwards can still do so.
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn without_tls_where_the_url_says_so() {
    let server = Secured::start().await;
    let _store = works(&server.0.url()).await;
    assert!(!server.encrypts_all_of_the_store().await);
    let url = server.url("postgres", "127.0.0.1", "sslmode=disable");
    let advice = "write sslmode=require, which needs the feature `postgres-tls`";
    refused(&url, &["no encryption (SQLSTATE 28000)", advice]).await;
}

#[tokio::test]
async fn an_authority_that_is_not_trusted() {
    let server = Secured::start().await;
    let other = format!("sslrootcert={}", path("self_signed.pem"));
    for query in ["sslmode=require", "sslmode=prefer", "", &other] {
        let url = server.url("postgres", "127.0.0.1", query);
        refused(&url, &["UnknownIssuer", "Name that CA's file with ?sslrootcert="]).await;
    }
}

#[tokio::test]
async fn a_host_name_that_is_not_in_the_certificate() {
    let server = Secured::with(&["listen_addresses=127.0.0.1,127.0.0.2"]).await;
    let trusting = format!("sslrootcert={}", path("authority.pem"));
    let url = server.url("postgres", "127.0.0.2", &trusting);
    refused(&url, &["127.0.0.2", "use a host name that is in its certificate"]).await;
    let trusting = format!("{trusting}&hostaddr=127.0.0.2");
    let _store = works(&server.url("postgres", "localhost", &trusting)).await;
}

#[tokio::test]
async fn certificates_that_no_server_should_show() {
    for (shown, trusted, said) in [
        ("self_signed", "self_signed.pem", "its certificate is a CA's own"),
        ("expired", "expired.pem", "renew its certificate"),
    ] {
        let server = Secured::showing(shown, &[]).await;
        let query = format!("sslrootcert={}", path(trusted));
        refused(&server.url("postgres", "localhost", &query), &[said]).await;
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls() {
    let server = Server::start().await;
    let url = server.url().replace("disable", "require");
    refused(&url, &["server does not support TLS", "set ssl = on there"]).await;
}

/// The password is bound to this connection: nobody in between can have passed it on.
#[tokio::test]
async fn a_password_with_channel_binding() {
    let server = Secured::start().await;
    server.0.execute("SET password_encryption = 'scram-sha-256'").await;
    server.0.execute("CREATE ROLE guest LOGIN SUPERUSER PASSWORD 'secret'").await;
    let query = format!("channel_binding=require&sslrootcert={}", path("authority.pem"));
    let url = server.url("guest:secret", "localhost", &query);
    let _store = works(&url).await;
    let url = url.replace("secret@", "no-secret@");
    refused(&url, &["28P01", "check the user and the password in the URL"]).await;
}

#[tokio::test]
async fn a_server_that_asks_for_the_clients_certificate() {
    let (cert, key) = (path("self_signed.pem"), path("self_signed.key"));
    let server = Secured::with(&[&format!("ssl_ca_file={cert}")]).await;
    server.0.execute("CREATE ROLE keyed LOGIN SUPERUSER").await;
    let trusting = format!("sslrootcert={}", path("authority.pem"));
    let with = |more: &str| server.url("keyed", "localhost", &format!("{trusting}{more}"));
    let _store = works(&with(&format!("&sslcert={cert}&sslkey={key}"))).await;
    refused(&with(""), &["name the client's with ?sslcert= and &sslkey="]).await;
    let (cert, key) = (path("server.pem"), path("server.key"));
    let url = with(&format!("&sslcert={cert}&sslkey={key}"));
    refused(&url, &["it does not trust the certificate after sslcert="]).await;
}

//! Files that the URL names and that cannot be used. Nothing connects.

use nevent_webhooks::store::{PostgresStore, PostgresStoreError};

use super::secured::path;
use crate::support::directory::Directory;

async fn refused(query: &str, text: &str) {
    let url = format!("postgres://me:secret@localhost:1/shop?{query}");
    let error = PostgresStore::connect(&url).await.expect_err("no such server");
    assert!(matches!(error, PostgresStoreError::Tls { .. }), "{error}");
    let error = error.to_string();
    assert!(error.contains(text), "not {text:?}: {error}");
    assert!(!error.contains('\n') && !error.contains("secret"), "{error}");
}

/// `BEGIN` and `END` of a PEM file around a text.
fn pem(label: &str, text: &str) -> String {
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[tokio::test]
async fn files_without_a_certificate() {
    refused("sslrootcert=/nowhere/ca.pem", "\"/nowhere/ca.pem\" that cannot be read: No such")
        .await;
    let key = format!("sslrootcert={}", path("server.key"));
    refused(&key, "server.key\" without a certificate in PEM").await;
}

#[tokio::test]
async fn files_that_are_damaged() {
    let directory = Directory::new();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("a writable directory");
        path.display().to_string()
    };
    let (cert, key) = (path("self_signed.pem"), path("self_signed.key"));
    let broken = file("broken.pem", &pem("CERTIFICATE", "?"));
    let empty = file("empty.pem", &pem("CERTIFICATE", "MIGH"));
    let broken_key = file("broken.key", &pem("PRIVATE KEY", "?"));
    let encrypted = file("encrypted.key", &pem("ENCRYPTED PRIVATE KEY", "MIGH"));
    for (query, text) in [
        (format!("sslrootcert={broken}"), "broken.pem\" that is damaged"),
        (format!("sslrootcert={empty}"), "empty.pem\" that is damaged"),
        (format!("sslcert={broken}&sslkey={key}"), "broken.pem\" that is damaged"),
        (format!("sslcert={cert}&sslkey={broken_key}"), "broken.key\" that is damaged"),
        (format!("sslcert={cert}&sslkey={encrypted}"), "give it without a passphrase"),
    ] {
        refused(&query, text).await;
    }
}

#[tokio::test]
async fn certificates_and_keys_that_do_not_fit() {
    let (cert, key) = (path("self_signed.pem"), path("server.key"));
    refused(&format!("sslcert={cert}"), "needs both sslcert and sslkey, or neither").await;
    refused(&format!("sslkey={key}"), "needs both sslcert and sslkey, or neither").await;
    refused(&format!("sslcert={cert}&sslkey={key}"), "that do not fit: ").await;
}

#[tokio::test]
async fn modes_that_would_not_verify() {
    refused("sslmode=verify-ca", "write sslmode=require").await;
    let authority = path("authority.pem");
    for mode in ["disable", "prefer", "allow"] {
        let query = format!("sslmode={mode}&sslrootcert={authority}");
        refused(&query, "has an sslrootcert, and TLS only with sslmode=require").await;
    }
}

//! TLS to the server, with the system's authorities or others.

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, RedisOptions, RedisStore, RedisStoreError};
use redis::{Client, TlsCertificates};

use crate::refusals::{refusal, says};
use crate::support::directory::Directory;
use crate::support::{Certificates, Server, claim, eventually};

pub fn path(file: &str) -> String {
    Certificates::path(file).to_str().expect("a path in UTF-8").replace('%', "%25")
}

pub async fn works(url: &str) {
    let store = RedisStore::connect(url).await.expect(url);
    let one = claim("one");
    assert_eq!(store.claim(&one).await.expect("a server"), ClaimAnswer::Acquired);
    store.release(&one).await.expect("a server");
}

/// A server that shows this certificate.
async fn showing(certificate: &str) -> Server {
    let [pem, key] = [".pem", ".key"].map(|end| path(&format!("{certificate}{end}")));
    Server::with_tls(&["--tls-cert-file", &pem, "--tls-key-file", &key]).await
}

#[tokio::test]
async fn a_server_with_a_private_authority() {
    let server = Server::with_tls(&[]).await;
    let root_cert = Some(Certificates::authority_pem().into_bytes());
    let trusted = TlsCertificates { client_tls: None, root_cert };
    let client = Client::build_with_tls(server.url(), trusted).expect("a client");
    RedisStore::open(client, RedisOptions::default()).await.expect("a server");

    works(&format!("{}?ca_file={}", server.url(), path("authority.pem"))).await;
}

#[tokio::test]
async fn a_cluster_with_a_private_authority() {
    let node = Server::with_tls(&["--cluster-enabled", "yes", "--tls-cluster", "yes"]).await;
    node.command::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    let address = node.address();
    eventually("it serves its slots", async || {
        node.command::<String>(&["CLUSTER", "INFO"]).await.contains("cluster_state:ok")
    })
    .await;
    works(&format!("rediss-cluster://{address}?ca_file={}", path("authority.pem"))).await;
    says(&refusal(&format!("rediss-cluster://{address}")).await, &["?ca_file="]);
}

#[tokio::test]
async fn a_server_that_asks_for_the_clients_certificate() {
    let (cert, key) = (path("self_signed.pem"), path("self_signed.key"));
    let server =
        Server::with_tls(&["--tls-auth-clients", "yes", "--tls-ca-cert-file", &cert]).await;
    let trusting = format!("{}?ca_file={}", server.url(), path("authority.pem"));
    let error = refusal(&trusting).await;
    says(&error, &["Name the client's certificate with ?cert_file="]);
    works(&format!("{trusting}&cert_file={cert}&key_file={key}")).await;
    says(&refusal(&format!("{trusting}&cert_file={cert}")).await, &["or neither"]);
    let (cert, key) = (path("server.pem"), path("server.key"));
    let error = refusal(&format!("{trusting}&cert_file={cert}&key_file={key}")).await;
    says(&error, &["It does not trust the certificate after cert_file="]);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority() {
    let server = Server::with_tls(&[]).await;
    says(&refusal(&server.url()).await, &["UnknownIssuer", "with ?ca_file="]);
    // There is no way round TLS either.
    let error = refusal(&server.url().replace("rediss", "redis")).await;
    says(&error, &["does it speak TLS only? Then use rediss://"]);
    says(&refusal(&format!("{}#insecure", server.url())).await, &["with ?ca_file="]);
}

#[tokio::test]
async fn a_certificate_that_is_not_for_servers() {
    let trusting = |server: &Server, file: &str| format!("{}?ca_file={}", server.url(), path(file));
    let server = showing("self_signed").await;
    let error = refusal(&trusting(&server, "self_signed.pem")).await;
    says(&error, &["CaUsedAsEndEntity", "issue another for the server"]);
    let server = showing("expired").await;
    says(&refusal(&trusting(&server, "expired.pem")).await, &["Renew its certificate"]);
    let server = Server::with_tls(&["--bind", "127.0.0.2"]).await;
    let elsewhere = trusting(&server, "authority.pem").replace("127.0.0.1", "127.0.0.2");
    says(&refusal(&elsewhere).await, &["Use a host name that is in its certificate"]);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls() {
    let server = Server::start().await;
    let error = refusal(&server.url().replace("redis", "rediss")).await;
    says(&error, &["or TLS on one side only?"]);
}

#[tokio::test]
async fn files_that_hold_no_certificate() {
    let nothing = "rediss://localhost?ca_file=/nowhere/ca.pem";
    says(&refusal(nothing).await, &["a ca_file \"/nowhere/ca.pem\" that cannot be read: No such"]);
    let key = format!("rediss://user:secret@localhost?ca_file={}", path("server.key"));
    let error = refusal(&key).await;
    says(&error, &["server.key\" without a certificate in PEM"]);
    assert!(!error.contains("secret"), "{error}");
}

/// A file with this text, and its path.
fn file(directory: &Directory, name: &str, text: &str) -> String {
    directory.write(name, text).replace('%', "%25")
}

/// `BEGIN` and `END` of a PEM file around what stands there.
fn pem(label: &str, text: &str) -> String {
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

#[tokio::test]
async fn keys_that_are_encrypted() {
    let (directory, cert) = (Directory::new(), path("self_signed.pem"));
    let encrypted = pem("ENCRYPTED PRIVATE KEY", "MIGH");
    let legacy = pem("EC PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIGH");
    for text in [encrypted, legacy] {
        let key = file(&directory, "a.key", &text);
        let error = refusal(&format!("rediss://localhost?cert_file={cert}&key_file={key}")).await;
        says(&error, &["a key_file", "a.key\" that is encrypted: give it without a passphrase"]);
    }
}

/// The files are to blame, and not how the URL was written.
#[tokio::test]
async fn files_that_are_damaged() {
    let directory = Directory::new();
    let (cert, key) = (path("self_signed.pem"), path("self_signed.key"));
    let broken = file(&directory, "broken.pem", &pem("CERTIFICATE", "?"));
    let broken_key = file(&directory, "broken.key", &pem("PRIVATE KEY", "?"));
    let no_certificate = file(&directory, "none.pem", &pem("CERTIFICATE", "MIGH"));
    for (query, said) in [
        (format!("ca_file={broken}"), "broken.pem\" that is damaged"),
        (format!("ca_file={no_certificate}"), "none.pem\" that is damaged"),
        (format!("cert_file={broken}&key_file={key}"), "Unable to parse client certificate"),
        (format!("cert_file={cert}&key_file={broken_key}"), "Unable to extract private key"),
    ] {
        for url in [
            "rediss://me:secret@localhost?",
            "rediss-sentinel://localhost?master=m&",
            "rediss-cluster://localhost?",
        ] {
            let error = RedisStore::connect(&format!("{url}{query}")).await.expect_err("damaged");
            assert!(matches!(error, RedisStoreError::Certificates { .. }), "{error}");
            says(&error.to_string(), &[said]);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}

#[tokio::test]
async fn keys_that_do_not_belong_to_the_certificate() {
    let (server, directory) = (Server::with_tls(&[]).await, Directory::new());
    let trusting = format!("{}?ca_file={}", server.url(), path("authority.pem"));
    let cert = format!("{trusting}&cert_file={}", path("self_signed.pem"));
    let error = refusal(&format!("{cert}&key_file={}", path("server.key"))).await;
    let mismatch = "KeyMismatch. The key after key_file= is not that of the certificate after";
    says(&error, &[mismatch]);
    let cluster = cert.replace("rediss:", "rediss-cluster:").replace("/?", "?");
    let error = refusal(&format!("{cluster}&key_file={}", path("server.key"))).await;
    says(&error, &[mismatch]);
    let no_key = file(&directory, "none.key", &pem("PRIVATE KEY", "MIGH"));
    let error = refusal(&format!("{cert}&key_file={no_key}")).await;
    says(&error, &["The file after key_file= holds no RSA, ECDSA or Ed25519 key"]);
}

#[tokio::test]
async fn sentinels_with_a_private_authority() {
    let master = Server::with_tls(&[]).await;
    let watch = format!("sentinel monitor mymaster 127.0.0.1 {} 1\n", master.port());
    let sentinel = Server::sentinel_with_tls(&watch).await;
    let url = format!("rediss-sentinel://{}?master=mymaster", sentinel.address());
    let trusting = format!("{url}&ca_file={}", path("authority.pem"));
    eventually("the sentinel has found the master", async || {
        RedisStore::connect(&trusting).await.is_ok()
    })
    .await;
    works(&trusting).await;
    let error = refusal(&url).await;
    says(&error, &["the Redis master \"mymaster\" of the Sentinels", "UnknownIssuer", "?ca_file="]);
}

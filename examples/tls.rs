//! A receiver that terminates TLS itself. It takes a renewed certificate without a restart, and can
//! ask the sender for a certificate, too.
//!
//! ```sh
//! NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR cargo run --example tls -- \
//!     --cert fullchain.pem --key privkey.pem
//! ```
//!
//! | option | |
//! | --- | --- |
//! | `--cert FILE` | the certificate, followed by those of its issuers, in PEM; required |
//! | `--key FILE` | its private key, in PEM; required |
//! | `--client-ca FILE` | only clients with a certificate of a CA in this file can connect. Says who connects, and nothing about the body: the signature stays the proof |
//!
//! The files are read again at SIGHUP, and within a minute after they have changed. If they cannot be
//! read or do not belong together, the receiver keeps what it has.
//!
//! `NEVENT_WEBHOOK_SECRET` is the signing secret, and `BIND` the address and port, by default
//! `127.0.0.1:3000`. `axum.rs` has what a receiver needs besides: health checks, a log of rejections,
//! Redis, rotation. The guide's page `tls` says when to leave TLS to a proxy.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use axum::{Router, routing::post};
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use lexopt::{Arg::Long, Parser};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Delivery, Event, Secret, Verifier, VerifyLayer};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::signal::unix::{Signal, SignalKind, signal};

const TEN_SECONDS: Duration = Duration::from_secs(10);
const USAGE: &str = "usage: tls --cert FILE --key FILE [--client-ca FILE]";

/// Your code goes here. A 2xx means "done, never again". Any other status means "send it
/// again later".
async fn handle(delivery: Delivery, event: Event) -> StatusCode {
    let (kind, id) = (event.event_type.escape_debug(), event.id.escape_debug());
    let line = format!("handled delivery={} event={kind} id={id}\n", delivery.id());
    match std::io::stdout().lock().write_all(line.as_bytes()) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // First of all: without a handler, SIGHUP ends the process.
    let hangup = signal(SignalKind::hangup())?;
    let files = Files::from_arguments(Parser::from_env())?;
    let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
    let dedupe = DedupeLayer::new("nevent", MemoryStore::new())?;
    let webhook = post(handle).route_layer((verify, dedupe.clone()));
    let app = Router::new().route("/webhooks/nevent", webhook);

    // Before the files are read: a change in between is then noticed.
    let seen = files.modified();
    let tls = RustlsConfig::from_config(files.read()?);
    let bind = std::env::var("BIND").ok().filter(|bind| !bind.is_empty());
    let bind = bind.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let address: SocketAddr = bind.parse().map_err(|_| {
        format!("BIND={bind}: not an address and port; give one such as 127.0.0.1:3000")
    })?;
    let connections = Handle::new();
    // Each handshake has a task of its own, so that a slow one holds up no other.
    let mut server = axum_server::bind(address)
        .acceptor(RustlsAcceptor::new(tls.clone()).handshake_timeout(TEN_SECONDS))
        .handle(connections.clone())
        .first_request_timeout(TEN_SECONDS)
        .accept_error_handler(log_failure);
    // Between two requests, later headers included.
    server.http_builder().http1().header_read_timeout(Duration::from_secs(75)).half_close(true);
    // One connection carries many requests. A client that stays in the middle of its headers
    // cannot answer a ping, and is disconnected.
    server.http_builder().http2().max_concurrent_streams(100).keep_alive_interval(TEN_SECONDS);

    tokio::spawn(stop_on_signal(signal(SignalKind::terminate())?, connections));
    tokio::spawn(reload(files, seen, tls, hangup));
    eprintln!("listening on https://{address}/webhooks/nevent");
    server.serve(app.into_make_service()).await?;
    // The connections have ended. Handlers whose client hung up may not have.
    dedupe.wait_idle().await;
    Ok(())
}

/// Reads the files at SIGHUP and when they have changed. New connections get the new certificate;
/// open ones go on with the old.
async fn reload(files: Files, mut seen: Times, tls: RustlsConfig, mut hangup: Signal) {
    loop {
        tokio::select! {
            _ = hangup.recv() => {}
            () = tokio::time::sleep(Duration::from_secs(60)) => {
                if files.modified() == seen {
                    continue;
                }
            }
        }
        // Before the files are read. If one is new and the other still old, the next look finds
        // another change.
        seen = files.modified();
        match files.read() {
            Ok(new) => {
                tls.reload_from_config(new);
                eprintln!("reloaded the certificate");
            }
            Err(error) => eprintln!("kept the old certificate: {error}"),
        }
    }
}

/// Logs why a connection was not taken. Anyone can cause such a line.
fn log_failure(client: Option<&SocketAddr>, error: &std::io::Error) {
    let client = client.map_or_else(|| "a client".to_owned(), SocketAddr::to_string);
    eprintln!("no connection with {client}: {error}");
}

async fn stop_on_signal(mut terminate: Signal, connections: Handle<SocketAddr>) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // Takes no new requests. Those in progress have until their response is due.
    connections.graceful_shutdown(Some(TEN_SECONDS));
}

struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// When the files were last modified.
type Times = [Option<SystemTime>; 3];

impl Files {
    fn from_arguments(mut options: Parser) -> Result<Self, Box<dyn Error>> {
        let (mut cert, mut key, mut client_ca) = (None, None, None);
        while let Some(option) = options.next()? {
            match option {
                Long("cert") => cert = Some(options.value()?.into()),
                Long("key") => key = Some(options.value()?.into()),
                Long("client-ca") => client_ca = Some(options.value()?.into()),
                other => return Err(format!("{}; {USAGE}", other.unexpected()).into()),
            }
        }
        let (Some(cert), Some(key)) = (cert, key) else { return Err(USAGE.into()) };
        Ok(Self { cert, key, client_ca })
    }

    fn modified(&self) -> Times {
        // Of the file that a symbolic link points to: certbot's links are renewed.
        let modified = |path: &Path| path.metadata().and_then(|file| file.modified()).ok();
        [modified(&self.cert), modified(&self.key), self.client_ca.as_deref().and_then(modified)]
    }

    fn read(&self) -> Result<Arc<ServerConfig>, String> {
        let provider = Arc::new(ring::default_provider());
        let chain = certificates("--cert", &self.cert)?;
        let key = private_key("--key", &self.key)?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions() // TLS 1.2 and 1.3
            .map_err(|error| error.to_string())?;
        let builder = if let Some(path) = &self.client_ca {
            let wrong = |error: &dyn Error| format!("--client-ca {}: {error}", path.display());
            let mut roots = RootCertStore::empty();
            for root in certificates("--client-ca", path)? {
                roots.add(root).map_err(|error| wrong(&error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(|error| wrong(&error))?)
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            let (cert, key) = (self.cert.display(), self.key.display());
            format!("--cert {cert}, --key {key}: {error}; give a certificate and its own key")
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(option, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| {
        format!("{option} {}: no certificate that can be read; give a PEM file", path.display())
    })
}

fn private_key(option: &str, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(option, path)?).map_err(|_| {
        let path = path.display();
        format!(
            "{option} {path}: no private key that can be read; give a PEM file without password"
        )
    })
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| {
        format!("{option} {}: {error}; give a file that this user can read", path.display())
    })
}

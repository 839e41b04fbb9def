//! Receives from several senders in one process: Nevent, Stripe, GitHub and Meta's
//! `WhatsApp`, each on its own route, with one store.
//!
//! | variable | |
//! | --- | --- |
//! | `NEVENT_WEBHOOK_SECRET` | the signing secret of Nevent's webhook |
//! | `STRIPE_WEBHOOK_SECRET` | the signing secret of Stripe's endpoint |
//! | `GITHUB_WEBHOOK_SECRET` | the secret of GitHub's webhook |
//! | `META_APP_SECRET` | the app secret of the Meta app |
//! | `META_VERIFY_TOKEN` | the verify token of its webhook, which Meta sends in its handshake |
//! | `BIND` | address and port; default `127.0.0.1:3000` |
//!
//! The first five are required. `axum.rs` has what a receiver needs besides: health checks, a log of
//! rejections, Redis, rotation.

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get_service, post};
use axum_server::Handle;
use nevent_webhooks::handshake::MetaHandshake;
use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, Delivery, Event, OptionsError, Rejection, Secret, Verifier, VerifyLayer,
};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

async fn nevent(event: Event) -> StatusCode {
    report("nevent", &event.event_type, &event.id)
}

/// The fields that this handler reads. Stripe's documentation has the others.
#[derive(Deserialize)]
struct StripeEvent {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
}

/// A body that is no such event is answered with 400 `Malformed event`.
async fn stripe(delivery: Delivery) -> Result<StatusCode, Rejection> {
    let event: StripeEvent = delivery.json()?;
    Ok(report("stripe", &event.event_type, &event.id))
}

/// GitHub names the type of an event in a header alone, which is not signed.
async fn github(delivery: Delivery) -> StatusCode {
    report("github", delivery.event_header().unwrap_or("-"), delivery.id().as_str())
}

/// One delivery holds up to 1,000 updates. Each message has an id of its own.
#[derive(Deserialize)]
struct WhatsApp {
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    value: Value,
}

#[derive(Deserialize)]
struct Value {
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
}

/// If one message fails, `WhatsApp` sends all of them again: remember the ids of those that are done
/// where their effect is.
async fn whatsapp(delivery: Delivery) -> Result<StatusCode, Rejection> {
    let updates: WhatsApp = delivery.json()?;
    let changes = updates.entry.into_iter().flat_map(|entry| entry.changes);
    for message in changes.flat_map(|change| change.value.messages) {
        let status = report("whatsapp", "message", &message.id);
        if !status.is_success() {
            return Ok(status);
        }
    }
    Ok(StatusCode::OK)
}

/// Your code goes here. A 2xx means "done, never again".
fn report(sender: &str, kind: &str, id: &str) -> StatusCode {
    // The sender's text may hold a line break.
    let line = format!("{sender} {} {}\n", kind.escape_debug(), id.escape_debug());
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The routes, and the layers whose handlers the shutdown waits for.
#[derive(Default)]
struct Receiver {
    store: Arc<MemoryStore>,
    app: Router,
    dedupes: Vec<DedupeLayer>,
}

impl Receiver {
    fn from_env() -> Result<Self, Box<dyn Error>> {
        let secret = Secret::from_env;
        let verify_token = std::env::var("META_VERIFY_TOKEN")
            .map_err(|_| "META_VERIFY_TOKEN is not set: set it to the verify token at Meta")?;
        let handshake = MetaHandshake::new(verify_token)?;
        let mut receiver = Self::default()
            .with("nevent", Verifier::new(secret("NEVENT_WEBHOOK_SECRET")?), post(nevent))?
            .with(
                "stripe",
                Scheme::stripe().verifier(secret("STRIPE_WEBHOOK_SECRET")?),
                post(stripe),
            )?
            .with(
                "github",
                Scheme::github().verifier(secret("GITHUB_WEBHOOK_SECRET")?),
                post(github),
            )?
            .with(
                "whatsapp",
                Scheme::meta().verifier(secret("META_APP_SECRET")?),
                post(whatsapp),
            )?;
        receiver.app = receiver.app.route("/webhooks/whatsapp", get_service(handshake));
        Ok(receiver)
    }

    /// Adds the route of a sender. Its name is the scope as well: two senders may use the same ids.
    fn with<T, K>(
        mut self,
        sender: &str,
        verifier: Verifier<T, K>,
        handler: MethodRouter,
    ) -> Result<Self, OptionsError> {
        let dedupe = DedupeLayer::new(sender, Arc::clone(&self.store))?;
        let webhook = handler.route_layer((VerifyLayer::new(verifier), dedupe.clone()));
        self.app = self.app.route(&format!("/webhooks/{sender}"), webhook);
        self.dedupes.push(dedupe);
        Ok(self)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::from_env()?;
    let bind = std::env::var("BIND").ok().filter(|bind| !bind.is_empty());
    let bind = bind.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let address: SocketAddr = bind.parse().map_err(|_| {
        format!("BIND={bind}: not an address and port; give one such as 127.0.0.1:3000")
    })?;
    let connections = Handle::new();
    // HTTP/1 only, with limits for heads and idle connections: `axum.rs` says why.
    let mut server = axum_server::bind(address)
        .handle(connections.clone())
        .http1_only()
        .first_request_timeout(Duration::from_secs(10));
    server.http_builder().http1().header_read_timeout(Duration::from_secs(75)).half_close(true);

    tokio::spawn(stop_on_signal(connections));
    eprintln!("listening on http://{address}/webhooks/nevent, stripe, github and whatsapp");
    server.serve(receiver.app.into_make_service()).await?;

    // The connections have ended. Handlers whose client hung up may not have.
    for dedupe in &receiver.dedupes {
        dedupe.wait_idle().await;
    }
    Ok(())
}

async fn stop_on_signal(connections: Handle<SocketAddr>) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // Takes no new requests. Those in progress have until their response is due.
    connections.graceful_shutdown(Some(Duration::from_secs(10)));
}

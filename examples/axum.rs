//! The receiver to copy for axum: verifies, deduplicates and handles Nevent's events.
//!
//! ```sh
//! NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR cargo run --example axum
//! ```
//!
//! | variable | |
//! | --- | --- |
//! | `NEVENT_WEBHOOK_SECRET` | the signing secret; required |
//! | `NEVENT_WEBHOOK_SECRET_PREVIOUS` | the previous one, during a rotation |
//! | `BIND` | address and port; default `127.0.0.1:3000` |
//! | `REDIS_URL` | the store that several receivers share, such as `redis://localhost`; needs `--features redis`. Without it, each receiver remembers only its own deliveries |
//!
//! `GET /healthz` says that the process lives, and `GET /readyz` that its store can be reached.
//! The receiver speaks HTTP/1.1 without TLS: put a proxy in front.

#![cfg_attr(not(feature = "redis"), allow(clippy::unused_async, reason = "Redis alone is awaited"))]

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Router, middleware};
use axum_server::Handle;
use nevent_webhooks::store::{MemoryStore, SharedStore};
use nevent_webhooks::{
    DedupeLayer, Delivery, DeliveryId, Event, Rejection, Secret, Verifier, VerifyLayer,
};
use tokio::signal::unix::{SignalKind, signal};

/// Your code goes here. A 2xx means "done, never again". Any other status means "send it
/// again later".
async fn handle(delivery: Delivery, event: Event) -> StatusCode {
    let id = delivery.id();
    // The sender's text may hold a line break.
    let (kind, event_id) = (event.event_type.escape_debug(), event.id.escape_debug());
    let line = format!("handled delivery={id} event={kind} id={event_id}\n");
    // One write, flushed, so that a program that reads the output sees whole lines at once.
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verify = VerifyLayer::new(verifier_from_env()?);
    let memory = Memory::from_env().await?;
    let dedupe = DedupeLayer::new("nevent", memory.store())?;

    // `route_layer` on the method router leaves the responses to other methods and paths (405,
    // 404) as they are.
    let webhook = post(handle).route_layer((verify, dedupe.clone()));
    let app = Router::new()
        .route("/webhooks/nevent", webhook)
        .layer(middleware::map_response(log_rejection))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(|| ready(memory)));

    let bind = if is_set("BIND") { std::env::var("BIND")? } else { "127.0.0.1:3000".to_owned() };
    let address: SocketAddr = bind.parse().map_err(|_| {
        format!("BIND={bind}: not an address and port; give one such as 127.0.0.1:3000")
    })?;
    let connections = Handle::new();
    // HTTP/1 only: over HTTP/2 one connection carries many requests, and needs limits of its
    // own. Without the first timeout, a client that never finishes its first headers would
    // stay connected forever.
    let mut server = axum_server::bind(address)
        .handle(connections.clone())
        .http1_only()
        .first_request_timeout(Duration::from_secs(10));
    // Between two requests, later headers included. Longer than the 60 s for which load
    // balancers keep idle connections. Otherwise they would send a request into a connection
    // that was just closed.
    server.http_builder().http1().header_read_timeout(Duration::from_secs(75));
    // A client may close its side after a request, and still wait for the response.
    server.http_builder().http1().half_close(true);

    tokio::spawn(stop_on_signal(connections));
    eprintln!("listening on http://{address}/webhooks/nevent");
    server.serve(app.into_make_service()).await?;

    // The connections have ended. Handlers whose client hung up may not have.
    dedupe.wait_idle().await;
    Ok(())
}

/// Keep it from the public: each call sends three commands to Redis.
async fn ready(memory: Memory) -> (StatusCode, &'static str) {
    if memory.is_ready().await {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the store is not ready; the log says why")
    }
}

fn verifier_from_env() -> Result<Verifier, Box<dyn Error>> {
    let mut secrets = vec![Secret::from_env("NEVENT_WEBHOOK_SECRET")?];
    if is_set("NEVENT_WEBHOOK_SECRET_PREVIOUS") {
        secrets.push(Secret::from_env("NEVENT_WEBHOOK_SECRET_PREVIOUS")?);
    }
    Ok(Verifier::with_secrets(secrets)?)
}

/// Reads a variable. An empty one counts as unset: `${NAME:-}` in a compose file makes one.
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The store: in memory, or in Redis.
#[derive(Clone)]
enum Memory {
    /// In this process.
    Own(Arc<MemoryStore>),
    #[cfg(feature = "redis")]
    Redis(nevent_webhooks::store::RedisStore),
}

impl Memory {
    /// Connects to Redis if there is a URL of one, and otherwise uses this process's memory.
    async fn from_env() -> Result<Self, Box<dyn Error>> {
        if !is_set("REDIS_URL") {
            return Ok(Self::Own(Arc::new(MemoryStore::new())));
        }
        Self::redis(&std::env::var("REDIS_URL")?).await
    }

    #[cfg(feature = "redis")]
    async fn redis(url: &str) -> Result<Self, Box<dyn Error>> {
        let store = nevent_webhooks::store::RedisStore::connect(url).await?;
        for warning in store.warnings() {
            eprintln!("warning: {warning}");
        }
        Ok(Self::Redis(store))
    }

    #[cfg(not(feature = "redis"))]
    async fn redis(_: &str) -> Result<Self, Box<dyn Error>> {
        Err("REDIS_URL is set: build with `--features redis` to use it".into())
    }

    fn store(&self) -> SharedStore {
        match self {
            Self::Own(store) => SharedStore::new(Arc::clone(store)),
            #[cfg(feature = "redis")]
            Self::Redis(store) => SharedStore::new(store.clone()),
        }
    }

    /// Checks whether deliveries can be claimed now.
    async fn is_ready(&self) -> bool {
        match self {
            Self::Own(_) => true,
            #[cfg(feature = "redis")]
            Self::Redis(store) => {
                store.ready().await.inspect_err(|error| eprintln!("not ready: {error}")).is_ok()
            }
        }
    }
}

/// Logs rejections. Each is in the extensions of its response. Here you could also count
/// rejections, or replace the responses.
async fn log_rejection(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let id = response.extensions().get::<DeliveryId>(); // Genuine requests only.
        let id = id.map_or("-", DeliveryId::as_str);
        eprintln!("responded {} delivery={id}: {rejection}", rejection.status());
    }
    response
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

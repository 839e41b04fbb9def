//! The receiver to copy: verifies, deduplicates and handles Nevent's events.
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
//! | `REDIS_URL` | one memory for several receivers, such as `redis://localhost`; needs `--features redis`. Without it, each remembers its own |

use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use axum::{Router, middleware, routing::post};
use axum_server::Handle;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, Delivery, DeliveryId, Event, Rejection, Secret, Store, Verifier, VerifyLayer,
};
use tokio::signal::unix::{SignalKind, signal};

/// Your code goes here. A 2xx says "done, never again"; anything else, "send it
/// again later".
async fn handle(delivery: Delivery, event: Event) -> StatusCode {
    let (id, kind) = (delivery.id(), &event.event_type);
    let line = format!("handled delivery={id} event={kind} id={}\n", event.id);
    // One write, flushed: whoever reads along sees whole lines at once.
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verify = VerifyLayer::new(verifier_from_env()?);
    let dedupe = DedupeLayer::new("nevent", store_from_env().await?)?;

    // `route_layer` on the method router: other methods and paths keep their own
    // answers (405, 404).
    let webhook = post(handle).route_layer((verify, dedupe.clone()));
    let app = Router::new()
        .route("/webhooks/nevent", webhook)
        .layer(middleware::map_response(log_rejection));

    let bind = std::env::var("BIND").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let address: SocketAddr = bind.parse().map_err(|_| {
        format!("BIND={bind}: not an address and port; give one such as 127.0.0.1:3000")
    })?;
    let connections = Handle::new();
    // Without these two, a client that never finishes its headers stays connected
    // for good: before its first request, and before any later one.
    let patience = Duration::from_secs(10);
    let mut server =
        axum_server::bind(address).handle(connections.clone()).first_request_timeout(patience);
    server.http_builder().http1().header_read_timeout(patience);

    tokio::spawn(stop_on_signal(connections));
    eprintln!("listening on http://{address}/webhooks/nevent");
    server.serve(app.into_make_service()).await?;

    // The connections have ended; handlers whose client hung up may not have.
    dedupe.wait_idle().await;
    Ok(())
}

fn verifier_from_env() -> Result<Verifier, Box<dyn Error>> {
    let verifier = Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?);
    match std::env::var_os("NEVENT_WEBHOOK_SECRET_PREVIOUS") {
        None => Ok(verifier),
        Some(_) => Ok(verifier.or(Secret::from_env("NEVENT_WEBHOOK_SECRET_PREVIOUS")?)?),
    }
}

/// Redis when there is a URL of one, and this process's memory otherwise.
async fn store_from_env() -> Result<Arc<dyn Store>, Box<dyn Error>> {
    match std::env::var("REDIS_URL") {
        Ok(url) => redis_store(&url).await,
        Err(_) => Ok(Arc::new(MemoryStore::new())),
    }
}

#[cfg(feature = "redis")]
async fn redis_store(url: &str) -> Result<Arc<dyn Store>, Box<dyn Error>> {
    let store = nevent_webhooks::store::RedisStore::connect(url).await?;
    for warning in store.warnings() {
        eprintln!("warning: {warning}");
    }
    Ok(Arc::new(store))
}

#[cfg(not(feature = "redis"))]
fn redis_store(_: &str) -> std::future::Ready<Result<Arc<dyn Store>, Box<dyn Error>>> {
    std::future::ready(Err("REDIS_URL is set: build with `--features redis` to use it".into()))
}

/// Every refusal of the layers is in the response's extensions: here it is
/// logged; it could as well be counted, or be answered otherwise.
async fn log_rejection(response: Response) -> Response {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let id = response.extensions().get::<DeliveryId>(); // Only of genuine requests.
        let id = id.map_or("-", DeliveryId::as_str);
        eprintln!("answered {} delivery={id}: {rejection}", rejection.status());
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
    // Takes no new requests; those under way have until their answer is due.
    connections.graceful_shutdown(Some(Duration::from_secs(10)));
}

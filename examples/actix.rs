//! The receiver to copy for actix-web: verifies, deduplicates and handles Nevent's
//! events.
//!
//! ```sh
//! NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR cargo run --features actix --example actix
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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::dev::{ServerHandle, Service, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::{App, HttpResponse, HttpServer, web};
use nevent_webhooks::store::{MemoryStore, SharedStore};
use nevent_webhooks::{
    DedupeLayer, Delivery, DeliveryId, Event, Rejection, Secret, Verifier, VerifyLayer,
    WebhookMiddleware,
};
use tokio::signal::unix::{SignalKind, signal};

/// Your code goes here. A 2xx means "done, never again". Any other status means "send it
/// again later".
async fn handle(delivery: Delivery, event: Event) -> HttpResponse {
    let id = delivery.id();
    // The sender's text may hold a line break.
    let (kind, event_id) = (event.event_type.escape_debug(), event.id.escape_debug());
    let line = format!("handled delivery={id} event={kind} id={event_id}\n");
    // One write, flushed, so that a program that reads the output sees whole lines at once.
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    actix_web::rt::System::new().block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    // Made once, here, and cloned into each worker: all workers share one store.
    let verify = VerifyLayer::new(verifier_from_env()?);
    let memory = Memory::from_env().await?;
    let dedupe = DedupeLayer::new("nevent", memory.store())?;

    let bind = if is_set("BIND") { std::env::var("BIND")? } else { "127.0.0.1:3000".to_owned() };
    let stopping = Arc::new(AtomicBool::new(false));
    let shared = (verify, dedupe.clone(), memory, Arc::clone(&stopping));
    let server = HttpServer::new(move || {
        let (verify, dedupe, memory, stopping) = shared.clone();
        let webhook = web::post().to(handle).wrap(WebhookMiddleware::new(&verify, &dedupe));
        let app = App::new()
            .service(web::resource("/webhooks/nevent").route(webhook))
            .route("/healthz", web::get().to(async || "ok"))
            .route("/readyz", web::get().to(move || ready(memory.clone())));
        app.wrap_fn(move |request, service| {
            let (response, stopping) = (service.call(request), Arc::clone(&stopping));
            async move {
                let mut response = response.await;
                log_rejection(&response);
                if let Ok(response) = &mut response
                    && stopping.load(Ordering::Relaxed)
                {
                    // After this response, the connection takes no further request.
                    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
                }
                response
            }
        })
    });
    let server = server
        // Disconnects a client that never finishes its first headers. actix has no timer for
        // later ones, so a proxy in front must have one.
        .client_request_timeout(Duration::from_secs(10))
        // Longer than the 60 s for which load balancers keep idle connections. Otherwise they
        // would send a request into a connection that was just closed.
        .keep_alive(Duration::from_secs(75))
        .disable_signals()
        .bind(&bind)
        .map_err(|error| format!("BIND={bind}: {error}"))?
        .run();

    actix_web::rt::spawn(stop_on_signal(server.handle(), dedupe, stopping));
    eprintln!("listening on http://{bind}/webhooks/nevent");
    Ok(server.await?)
}

/// Keep it from the public: each call sends three commands to Redis.
async fn ready(memory: Memory) -> HttpResponse {
    if memory.is_ready().await {
        HttpResponse::Ok().body("ready")
    } else {
        HttpResponse::ServiceUnavailable().body("the store is not ready; the log says why")
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

/// Logs rejections. Each is the error of its response, but for a handler that panicked or is
/// late the middleware returns an `Err`. Here you could also count rejections, or replace the
/// responses.
fn log_rejection<B>(response: &Result<ServiceResponse<B>, actix_web::Error>) {
    let (error, id) = match response {
        Ok(response) => {
            let id = response.response().extensions().get::<DeliveryId>().cloned();
            (response.response().error(), id) // Genuine requests only.
        }
        Err(error) => (Some(error), None),
    };
    if let Some(rejection) = error.and_then(|error| error.as_error::<Rejection>()) {
        let id = id.as_ref().map_or("-", DeliveryId::as_str);
        eprintln!("responded {} delivery={id}: {rejection}", rejection.status());
    }
}

/// Takes no new connections, lets handlers finish, then stops. Handlers whose client has gone
/// would otherwise end with their workers.
async fn stop_on_signal(server: ServerHandle, dedupe: DedupeLayer, stopping: Arc<AtomicBool>) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    stopping.store(true, Ordering::Relaxed);
    server.pause().await;
    dedupe.wait_idle().await;
    server.stop(true).await;
}

//! The receiver of `axum.rs` without axum, on hyper.
//!
//! ```sh
//! NEVENT_WEBHOOK_SECRET=whsec_k5EKJQnf9sMX2vYzJdHG3L8pR cargo run --example hyper
//! ```
//!
//! | variable | |
//! | --- | --- |
//! | `NEVENT_WEBHOOK_SECRET` | the signing secret; required |
//! | `NEVENT_WEBHOOK_SECRET_PREVIOUS` | the previous one, during a rotation |
//! | `BIND` | address and port; default `127.0.0.1:3000` |
//!
//! `GET /healthz` says that the process lives, and `GET /readyz` that its store is ready, which
//! a `MemoryStore` always is. The receiver speaks HTTP/1.1 without TLS: put a proxy in front.

use std::convert::Infallible;
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, DeliveryId, Event, Rejection, Secret, VerifiedBody, Verifier, VerifyLayer,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// Your code goes here. A 2xx means "done, never again". Any other status means "send it
/// again later".
async fn handle(request: Request<VerifiedBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let delivery = request.body().delivery();
    let event: Event = match Event::from_extensions(request.extensions()) {
        Ok(event) => event,
        Err(rejection) => return Ok(rejection.to_response()),
    };
    let id = delivery.id();
    // The sender's text may hold a line break.
    let (kind, event_id) = (event.event_type.escape_debug(), event.id.escape_debug());
    let line = format!("handled delivery={id} event={kind} id={event_id}\n");
    // One write, flushed, so that a program that reads the output sees whole lines at once.
    let mut stdout = std::io::stdout().lock();
    let status = match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = Response::default();
    *response.status_mut() = status;
    Ok(response)
}

/// Responds to other paths and methods before the layers see them.
async fn route<S, B>(webhook: S, request: Request<Incoming>) -> Result<Response<B>, S::Error>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    B: Default + From<&'static str>,
{
    let mut response = Response::<B>::default();
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/webhooks/nevent") => return webhook.oneshot(request).await,
        (&Method::GET, "/healthz") => *response.body_mut() = B::from("ok"),
        (&Method::GET, "/readyz") => *response.body_mut() = B::from("ready"),
        (_, "/webhooks/nevent") => {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => *response.status_mut() = StatusCode::NOT_FOUND,
    }
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let verify = VerifyLayer::new(verifier_from_env()?);
    let dedupe = DedupeLayer::new("nevent", MemoryStore::new())?;
    let webhook = ServiceBuilder::new()
        .map_response(log_rejection)
        .layer(verify)
        .layer(dedupe.clone())
        .service_fn(handle);

    let bind = if is_set("BIND") { std::env::var("BIND")? } else { "127.0.0.1:3000".to_owned() };
    let address: SocketAddr = bind.parse().map_err(|_| {
        format!("BIND={bind}: not an address and port; give one such as 127.0.0.1:3000")
    })?;
    let listener = TcpListener::bind(address).await?;
    let mut http = http1::Builder::new();
    // Between two requests, later headers included. Longer than the 60 s for which load
    // balancers keep idle connections. Otherwise they would send a request into a connection
    // that was just closed.
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(75));
    // A client may close its side after a request, and still wait for the response.
    http.half_close(true);

    let mut stop = pin!(stop_signal()?);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    eprintln!("listening on http://{address}/webhooks/nevent");
    while let Some(stream) = accept(&listener, &mut stop).await {
        let (asked, webhook) = (Arc::new(Notify::new()), webhook.clone());
        let first_request = Arc::clone(&asked);
        let app = TowerToHyperService::new(service_fn(move |request| {
            asked.notify_one();
            route(webhook.clone(), request)
        }));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), app));
        connections.spawn(let_go_unless(first_request, connection));
        while connections.try_join_next().is_some() {} // Drops those that have ended.
    }

    // Takes no new requests. Those in progress have until their response is due.
    drop(listener);
    let _ = tokio::time::timeout(TEN_SECONDS, graceful.shutdown()).await;
    connections.shutdown().await;
    // The connections have ended. Handlers whose client hung up may not have.
    dedupe.wait_idle().await;
    Ok(())
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

/// Logs rejections. Each is in the extensions of its response. Here you could also count
/// rejections, or replace the responses.
fn log_rejection<B>(response: Response<B>) -> Response<B> {
    if let Some(rejection) = response.extensions().get::<Rejection>() {
        let id = response.extensions().get::<DeliveryId>(); // Genuine requests only.
        let id = id.map_or("-", DeliveryId::as_str);
        eprintln!("responded {} delivery={id}: {rejection}", rejection.status());
    }
    response
}

/// Serves a connection. Disconnects a client that never finishes its first headers.
async fn let_go_unless<T>(first_request: Arc<Notify>, connection: impl Future<Output = T>) {
    let mut connection = pin!(connection);
    tokio::select! {
        _ = &mut connection => {}
        () = first_request.notified() => drop(connection.await),
        () = tokio::time::sleep(TEN_SECONDS) => {}
    }
}

/// Returns the next connection, or `None` when it is time to stop.
async fn accept(
    listener: &TcpListener,
    stop: &mut (impl Future<Output = ()> + Unpin),
) -> Option<TcpStream> {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut *stop => return None,
        };
        match accepted {
            Ok((stream, _)) => return Some(stream),
            // Perhaps out of file descriptors, until some connections end.
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Returns a future that completes when the process is told to stop. Signals count from this
/// call on.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

//! A receiver of Meta's webhooks on each framework, with the handshake on the route of the webhook and,
//! for every method, on a route of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::{Method, Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any_service, post};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::handshake::MetaHandshake;
use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Secret, VerifiedBody, VerifyLayer};
use tokio::net::TcpListener;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use crate::support::{Adapter, Connection, Reply};

pub(super) const APP_SECRET: &str = "4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f";

type Layers = (VerifyLayer, DedupeLayer);

/// Counts the deliveries that its handler was given.
pub(super) struct Route {
    address: SocketAddr,
    runs: Arc<AtomicUsize>,
    #[cfg(feature = "actix")]
    _server: Option<on_actix::Server>,
}

impl Route {
    pub(super) async fn start(adapter: Adapter, handshake: &MetaHandshake) -> Self {
        let secret = Secret::new(APP_SECRET).expect("a secret");
        let verify = VerifyLayer::new(Scheme::meta().verifier(secret));
        let dedupe = DedupeLayer::new("whatsapp", MemoryStore::new()).expect("a scope");
        let (layers, runs) = ((verify, dedupe), Arc::new(AtomicUsize::new(0)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (handshake, counter) = (handshake.clone(), Arc::clone(&runs));
        match adapter {
            Adapter::Axum => drop(tokio::spawn(serve_axum(listener, handshake, layers, counter))),
            Adapter::Hyper => drop(tokio::spawn(serve_hyper(listener, handshake, layers, counter))),
            #[cfg(feature = "actix")]
            Adapter::Actix => {
                let server = Some(on_actix::serve(listener, handshake, layers, counter));
                return Self { address, runs, _server: server };
            }
        }
        Self {
            address,
            runs,
            #[cfg(feature = "actix")]
            _server: None,
        }
    }

    pub(super) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// Sends a GET with this query to the route of the webhook.
    pub(super) async fn get(&self, query: &str) -> Reply {
        self.send(&format!("GET /webhooks/whatsapp?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"))
            .await
    }

    pub(super) async fn send(&self, request: &str) -> Reply {
        let mut connection = Connection::open(self.address).await;
        connection.send(request.as_bytes()).await;
        connection.reply().await
    }
}

/// A POST as it goes over the wire.
pub(super) fn post_of(target: &str, headers: &[(&str, String)], body: &str) -> String {
    let lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (lines, length) = (lines.concat(), body.len());
    format!(
        "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{lines}\r\n{body}"
    )
}

async fn serve_axum(
    listener: TcpListener,
    handshake: MetaHandshake,
    layers: Layers,
    runs: Arc<AtomicUsize>,
) {
    let handle = move || async move {
        runs.fetch_add(1, Ordering::SeqCst);
    };
    let webhook = post(handle).route_layer(layers).get_service(handshake.clone());
    let app = axum::Router::new()
        .route("/webhooks/whatsapp", webhook)
        .route("/handshake", any_service(handshake));
    axum::serve(listener, app).await.expect("axum serves");
}

async fn serve_hyper(
    listener: TcpListener,
    handshake: MetaHandshake,
    layers: Layers,
    runs: Arc<AtomicUsize>,
) {
    let handle = service_fn(move |_: Request<VerifiedBody>| {
        runs.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(StatusCode::OK.into_response()) }
    });
    let webhook = ServiceBuilder::new().layer(layers).service(handle);
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut handshake, webhook) = (handshake.clone(), webhook.clone());
        async move {
            if request.method() == Method::POST && request.uri().path() != "/handshake" {
                webhook.oneshot(request).await.map(IntoResponse::into_response)
            } else {
                handshake.call(request).await.map(IntoResponse::into_response)
            }
        }
    });
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let service = TowerToHyperService::new(service.clone());
        let server = hyper::server::conn::http1::Builder::new();
        let connection = server.serve_connection(TokioIo::new(stream), service);
        // A client that hangs up is an error here.
        tokio::spawn(async move { drop(connection.await) });
    }
}

#[cfg(feature = "actix")]
mod on_actix {
    use std::sync::mpsc;
    use std::thread;

    use actix_web::dev::ServerHandle;
    use actix_web::{App, HttpResponse, HttpServer, rt, web};
    use nevent_webhooks::WebhookMiddleware;

    use super::{Arc, AtomicUsize, Layers, MetaHandshake, Ordering, TcpListener};

    /// A server in a thread of its own. Stopped when dropped.
    pub(super) struct Server(ServerHandle);

    impl Drop for Server {
        fn drop(&mut self) {
            drop(self.0.stop(false));
        }
    }

    pub(super) fn serve(
        listener: TcpListener,
        handshake: MetaHandshake,
        (verify, dedupe): Layers,
        runs: Arc<AtomicUsize>,
    ) -> Server {
        let listener = listener.into_std().expect("a socket");
        let (started, handle) = mpsc::channel();
        thread::spawn(move || {
            let server = HttpServer::new(move || {
                let runs = Arc::clone(&runs);
                let handle = move || {
                    runs.fetch_add(1, Ordering::SeqCst);
                    async { HttpResponse::Ok().finish() }
                };
                let webhook = web::post().to(handle).wrap(WebhookMiddleware::new(&verify, &dedupe));
                let resource = web::resource("/webhooks/whatsapp")
                    .route(web::get().to(handshake.clone()))
                    .route(webhook);
                let any = web::resource("/handshake").to(handshake.clone());
                App::new().service(resource).service(any)
            });
            let server = server.workers(1).disable_signals().listen(listener).expect("a socket");
            let server = server.run();
            started.send(server.handle()).expect("awaited");
            rt::System::new().block_on(server).expect("actix serves");
        });
        Server(handle.recv().expect("it starts"))
    }
}

//! A receiver for senders that sign nothing, and requests to it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::event::RawData;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::token::{TokenBody, TokenDelivery, TokenLayer};
use nevent_webhooks::{Batch, DedupeLayer, DedupeOptions, Delivery, Event};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};

use super::{Adapter, Connection, Reply};

/// The deliveries that handlers were given.
pub type Seen = Arc<Mutex<Vec<TokenDelivery>>>;

/// A receiver on a real socket. Its handler answers 202.
pub struct TokenReceiver {
    address: SocketAddr,
    seen: Seen,
    #[cfg(feature = "actix")]
    _server: Option<actix::Server>,
}

impl TokenReceiver {
    pub async fn start(adapter: Adapter, layer: TokenLayer) -> Self {
        Self::with_options(adapter, layer, DedupeOptions::new()).await
    }

    pub async fn with_options(adapter: Adapter, layer: TokenLayer, options: DedupeOptions) -> Self {
        let dedupe = DedupeLayer::with_options("unsigned", MemoryStore::new(), options);
        let layers = (layer, dedupe.expect("safe options"));
        let seen = Seen::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        match adapter {
            Adapter::Axum => drop(tokio::spawn(serve_axum(listener, layers, Arc::clone(&seen)))),
            Adapter::Hyper => drop(tokio::spawn(serve_hyper(listener, layers, Arc::clone(&seen)))),
            #[cfg(feature = "actix")]
            Adapter::Actix => {
                let server = actix::serve(listener, layers, Arc::clone(&seen));
                return Self { address, seen, _server: Some(server) };
            }
        }
        Self {
            address,
            seen,
            #[cfg(feature = "actix")]
            _server: None,
        }
    }

    pub fn runs(&self) -> usize {
        self.seen().len()
    }

    pub fn seen(&self) -> Vec<TokenDelivery> {
        self.seen.lock().expect("no panic while locked").clone()
    }

    pub async fn send(&self, request: &Sent) -> Reply {
        self.connection(&request.wire()).await.reply().await
    }

    /// A connection on which these bytes were sent.
    pub async fn connection(&self, bytes: &[u8]) -> Connection {
        let mut connection = Connection::open(self.address).await;
        connection.send(bytes).await;
        connection
    }
}

/// A request.
#[derive(Clone)]
pub struct Sent {
    path: &'static str,
    headers: Vec<(String, String)>,
    body: String,
}

impl Sent {
    pub fn new(body: &str) -> Self {
        Self { path: "/", headers: Vec::new(), body: body.to_owned() }
    }

    pub fn to(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn head(&self) -> Vec<u8> {
        let (path, length) = (self.path, self.body.len().to_string());
        let length = ("Content-Length".to_owned(), length);
        let lines = [&length].into_iter().chain(&self.headers);
        let lines: String =
            lines.map(|(name, value)| name.clone() + ": " + value + "\r\n").collect();
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").into_bytes()
    }

    pub fn wire(&self) -> Vec<u8> {
        [self.head(), self.body.clone().into_bytes()].concat()
    }
}

type Layers = (TokenLayer, DedupeLayer);

fn keep(seen: &Seen, delivery: TokenDelivery) -> StatusCode {
    seen.lock().expect("no panic while locked").push(delivery);
    StatusCode::ACCEPTED
}

/// Three routes ask for what only a signed delivery has, and one has no layers.
async fn serve_axum(listener: TcpListener, layers: Layers, seen: Seen) {
    let handle = move |delivery: TokenDelivery, body: Bytes| async move {
        assert_eq!(delivery.body(), &body, "the handler reads what was received");
        keep(&seen, delivery)
    };
    let app = Router::new()
        .route("/", post(handle).route_layer(layers.clone()))
        .route("/delivery", post(|_: Delivery| async {}).route_layer(layers.clone()))
        .route("/event", post(|_: Event| async {}).route_layer(layers.clone()))
        .route("/batch", post(|_: Batch| async {}).route_layer(layers))
        .route("/bare", post(|_: TokenDelivery| async {}));
    axum::serve(listener, app).await.expect("axum serves");
}

async fn serve_hyper(listener: TcpListener, layers: Layers, seen: Seen) {
    let handle = service_fn(move |request: Request<TokenBody>| {
        let extensions = request.extensions();
        assert!(extensions.get::<Delivery>().is_none(), "nothing is signed");
        let delivery = extensions.get::<TokenDelivery>().expect("behind the layers").clone();
        assert_eq!(delivery.id(), request.body().delivery().id());
        let refused = match request.uri().path() {
            "/event" => Event::<RawData>::from_extensions(extensions).err(),
            "/batch" => Batch::from_extensions(extensions).err(),
            _ => None,
        };
        let answer = match refused {
            Some(rejection) => rejection.to_response(),
            None => keep(&seen, delivery).into_response(),
        };
        async { Ok::<Response<Body>, Infallible>(answer) }
    });
    let service = ServiceBuilder::new().layer(layers).service(handle);
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let server = hyper::server::conn::http1::Builder::new();
            // A client that hangs up is an error here.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[cfg(feature = "actix")]
mod actix {
    use std::sync::{Arc, mpsc};
    use std::thread;

    use actix_web::dev::ServerHandle;
    use actix_web::http::StatusCode;
    use actix_web::{App, HttpResponse, HttpServer, web};
    use nevent_webhooks::WebhookMiddleware;
    use nevent_webhooks::token::TokenDelivery;
    use nevent_webhooks::{Batch, Delivery, Event};
    use tokio::net::TcpListener;

    use super::{Layers, Seen, keep};

    /// A server in a thread of its own. Stopped when dropped.
    pub(super) struct Server(ServerHandle);

    impl Drop for Server {
        fn drop(&mut self) {
            drop(self.0.stop(false));
        }
    }

    async fn delivery(_: Delivery) -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    async fn event(_: Event) -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    async fn batch(_: Batch) -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    async fn unlayered(_: TokenDelivery) -> HttpResponse {
        HttpResponse::Ok().finish()
    }

    pub(super) fn serve(listener: TcpListener, (token, dedupe): Layers, seen: Seen) -> Server {
        let listener = listener.into_std().expect("a socket");
        let (started, handle) = mpsc::channel();
        thread::spawn(move || {
            let system = actix_web::rt::System::new();
            let server = HttpServer::new(move || {
                let layers = WebhookMiddleware::with_token(&token, &dedupe);
                let seen = Arc::clone(&seen);
                let handle = move |delivery: TokenDelivery, body: web::Bytes| {
                    assert_eq!(delivery.body(), &body, "the handler reads what was received");
                    let status = keep(&seen, delivery).as_u16();
                    let status = StatusCode::from_u16(status).expect("a status");
                    async move { HttpResponse::build(status).finish() }
                };
                App::new()
                    .route("/", web::post().to(handle).wrap(layers.clone()))
                    .route("/delivery", web::post().to(delivery).wrap(layers.clone()))
                    .route("/event", web::post().to(event).wrap(layers.clone()))
                    .route("/batch", web::post().to(batch).wrap(layers))
                    .route("/bare", web::post().to(unlayered))
            });
            let server = server.workers(1).disable_signals().listen(listener).expect("a socket");
            let server = server.run();
            started.send(server.handle()).expect("awaited");
            system.block_on(server).expect("actix serves");
        });
        Server(handle.recv().expect("it starts"))
    }
}

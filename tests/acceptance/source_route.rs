//! A receiver with a `SourceLayer` on each framework.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::source::SourceLayer;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeLayer, Delivery, VerifiedBody, Verifier, VerifyLayer};
use tokio::net::{TcpListener, TcpStream};
use tower::util::MapRequest;
use tower::{Service, ServiceBuilder, service_fn};

use crate::support::receiver::secret;
use crate::support::{Adapter, Connection, Post, Reply, SECRET};

/// A receiver to be started.
pub(super) struct Setup {
    adapter: Adapter,
    at: &'static str,
    layers: Layers,
}

#[derive(Clone)]
struct Layers {
    source: SourceLayer,
    verify: VerifyLayer,
    dedupe: DedupeLayer,
    /// The server tells the layer who the peer is.
    is_told: bool,
    /// The layer is below the one that reads the body.
    is_late: bool,
    runs: Arc<AtomicUsize>,
}

/// A receiver on a real socket. Its handler answers 200.
pub(super) struct Route {
    port: u16,
    runs: Arc<AtomicUsize>,
    #[cfg(feature = "actix")]
    _server: Option<on_actix::Server>,
}

impl Setup {
    pub(super) fn of(adapter: Adapter, source: SourceLayer) -> Self {
        let verify = VerifyLayer::new(Verifier::new(secret(SECRET)));
        let dedupe = DedupeLayer::new("tickets", MemoryStore::new()).expect("a scope");
        let (is_told, is_late, runs) = (true, false, Arc::default());
        let layers = Layers { source, verify, dedupe, is_told, is_late, runs };
        Self { adapter, at: "127.0.0.1:0", layers }
    }

    /// Listens for both versions of IP on one socket.
    pub(super) fn dual_stack(mut self) -> Self {
        self.at = "[::]:0";
        self
    }

    /// Does not tell the layer who the peer is.
    pub(super) fn untold(mut self) -> Self {
        self.layers.is_told = false;
        self
    }

    /// Has the layers in the wrong order.
    pub(super) fn late(mut self) -> Self {
        self.layers.is_late = true;
        self
    }

    pub(super) async fn start(self) -> Route {
        let listener = TcpListener::bind(self.at).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let runs = Arc::clone(&self.layers.runs);
        match self.adapter {
            Adapter::Axum => drop(tokio::spawn(serve_axum(listener, self.layers))),
            Adapter::Hyper => drop(tokio::spawn(serve_hyper(listener, self.layers))),
            #[cfg(feature = "actix")]
            Adapter::Actix => {
                return Route { port, runs, _server: Some(on_actix::serve(listener, self.layers)) };
            }
        }
        Route {
            port,
            runs,
            #[cfg(feature = "actix")]
            _server: None,
        }
    }
}

impl Route {
    pub(super) async fn start(adapter: Adapter, source: SourceLayer) -> Self {
        Setup::of(adapter, source).start().await
    }

    pub(super) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    /// A connection from this address.
    pub(super) async fn connect(&self, from: &str) -> Connection {
        let from = from.parse::<IpAddr>().expect("an address");
        Connection::open_from(from, (Ipv4Addr::LOCALHOST, self.port).into()).await
    }

    /// Sends a delivery from this address.
    pub(super) async fn deliver(&self, from: &str, post: &Post) -> Reply {
        let mut connection = self.connect(from).await;
        connection.send(&wire(post)).await;
        connection.reply().await
    }
}

/// A delivery with a body of its own: the same signed bytes under another id would be a replay.
pub(super) fn delivery(id: &str) -> Post {
    Post::new(id).body(format!("{id:?}"))
}

/// The delivery as it goes over the wire.
pub(super) fn wire(post: &Post) -> Vec<u8> {
    let (head, body) = post.wire(now());
    [head, body].concat()
}

pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("in range")
}

async fn serve_axum(listener: TcpListener, layers: Layers) {
    let Layers { source, verify, dedupe, is_told, is_late, runs } = layers;
    let handle = move |_: Delivery| async move {
        runs.fetch_add(1, Ordering::SeqCst);
    };
    let source =
        source.peer_address(|request| Some(request.get::<ConnectInfo<SocketAddr>>()?.ip()));
    let webhook = if is_late {
        post(handle).route_layer((verify, source, dedupe))
    } else {
        post(handle).route_layer((source, verify, dedupe))
    };
    let app = axum::Router::new().route("/webhooks/nevent", webhook);
    let told = app.clone().into_make_service_with_connect_info::<SocketAddr>();
    let served =
        if is_told { axum::serve(listener, told).await } else { axum::serve(listener, app).await };
    served.expect("axum serves");
}

async fn serve_hyper(listener: TcpListener, layers: Layers) {
    let Layers { source, verify, dedupe, is_told, is_late, runs } = layers;
    let handle = service_fn(move |_: Request<VerifiedBody>| {
        runs.fetch_add(1, Ordering::SeqCst);
        async { Ok::<Response<Body>, Infallible>(StatusCode::OK.into_response()) }
    });
    if is_late {
        let service = ServiceBuilder::new().layer((verify, source, dedupe)).service(handle);
        accept(listener, service, is_told).await;
    } else {
        let service = ServiceBuilder::new().layer((source, verify, dedupe)).service(handle);
        accept(listener, service, is_told).await;
    }
}

async fn accept<S, B>(listener: TcpListener, service: S, is_told: bool)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    loop {
        let (stream, peer) = listener.accept().await.expect("a connection");
        let tell = move |mut request: Request<Incoming>| {
            if is_told {
                request.extensions_mut().insert(peer);
            }
            request
        };
        serve_connection(stream, MapRequest::new(service.clone(), tell));
    }
}

fn serve_connection<S, B>(stream: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    tokio::spawn(async move {
        let server = hyper::server::conn::http1::Builder::new();
        let service = TowerToHyperService::new(service);
        // A client that hangs up is an error here.
        let _ = server.serve_connection(TokioIo::new(stream), service).await;
    });
}

#[cfg(feature = "actix")]
mod on_actix {
    use std::sync::mpsc;
    use std::thread;

    use actix_web::dev::{ServerHandle, Service};
    use actix_web::{App, HttpResponse, HttpServer, rt, web};
    use nevent_webhooks::WebhookMiddleware;

    use super::{Arc, Delivery, Layers, Ordering, TcpListener};

    /// A server in a thread of its own. Stopped when dropped.
    pub(super) struct Server(ServerHandle);

    impl Drop for Server {
        fn drop(&mut self) {
            drop(self.0.stop(false));
        }
    }

    pub(super) fn serve(listener: TcpListener, layers: Layers) -> Server {
        let listener = listener.into_std().expect("a socket");
        let (started, handle) = mpsc::channel();
        thread::spawn(move || {
            let server = HttpServer::new(move || {
                let Layers { source, verify, dedupe, is_told, is_late, runs } = layers.clone();
                let handle = move |_: Delivery| {
                    let runs = Arc::clone(&runs);
                    async move {
                        runs.fetch_add(1, Ordering::SeqCst);
                        HttpResponse::Ok().finish()
                    }
                };
                let (webhook, layers) =
                    (web::post().to(handle), WebhookMiddleware::new(&verify, &dedupe));
                let webhook = if is_late {
                    webhook.wrap(source).wrap(layers)
                } else {
                    webhook.wrap(layers).wrap(source)
                };
                let app = App::new().wrap_fn(move |mut request, service| {
                    if !is_told {
                        request.head_mut().peer_addr = None;
                    }
                    Service::call(service, request)
                });
                app.service(web::resource("/webhooks/nevent").route(webhook))
            });
            let server = server.workers(1).disable_signals().listen(listener).expect("a socket");
            let server = server.run();
            started.send(server.handle()).expect("awaited");
            rt::System::new().block_on(server).expect("actix serves");
        });
        Server(handle.recv().expect("it starts"))
    }
}

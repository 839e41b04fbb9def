use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::{Router, routing::post};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeLayer, DedupeOptions, Delivery, Incident, ManualClock, Rejection, Secret, Store,
    VerifiedBody, Verifier, VerifyLayer,
};
use tokio::net::{TcpListener, TcpStream};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, service_fn};

use super::{Connection, Gate, Post, Reply, SECRET};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    Axum,
    Hyper,
    #[cfg(feature = "actix")]
    Actix,
}

/// Where the servers themselves differ.
impl Adapter {
    pub const ALL: &[Self] = &[
        Self::Axum,
        Self::Hyper,
        #[cfg(feature = "actix")]
        Self::Actix,
    ];

    /// hyper drops a handler whose client will send no more; actix lets it finish,
    /// unless the connection is reset.
    pub fn drops_what_a_client_left(self) -> bool {
        matches!(self, Self::Axum | Self::Hyper)
    }

    /// actix keeps it where it is, and what watches over it, too.
    pub fn moves_work_to_other_threads(self) -> bool {
        matches!(self, Self::Axum | Self::Hyper)
    }

    /// actix answers `Expect: 100-continue` by itself.
    pub fn judges_before_the_body_is_asked_for(self) -> bool {
        matches!(self, Self::Axum | Self::Hyper)
    }
}

pub(super) type Answer =
    std::pin::Pin<Box<dyn Future<Output = Result<StatusCode, Rejection>> + Send>>;
pub(super) type Handler = Arc<dyn Fn(Delivery) -> Answer + Send + Sync>;

/// A receiver to be started, with the defaults unless told otherwise.
pub struct Setup {
    adapter: Adapter,
    clock: ManualClock,
    verifier: Verifier,
    verify: Box<dyn FnOnce(VerifyLayer) -> VerifyLayer>,
    scope: String,
    store: Option<Arc<dyn Store>>,
    options: DedupeOptions,
    handler: Handler,
    concurrency_limit: usize,
}

/// A receiver on a real socket.
pub struct Receiver {
    pub address: SocketAddr,
    pub clock: ManualClock,
    pub verify: VerifyLayer,
    pub dedupe: DedupeLayer,
    seen: Arc<Mutex<Vec<Delivery>>>,
    #[cfg(feature = "actix")]
    _server: Option<super::actix::Server>,
}

impl Receiver {
    pub fn on(adapter: Adapter) -> Setup {
        Setup {
            adapter,
            clock: ManualClock::now(),
            verifier: Verifier::new(secret(SECRET)),
            verify: Box::new(|layer| layer),
            scope: "tickets".to_owned(),
            store: None,
            options: DedupeOptions::new(),
            handler: Arc::new(|_| Box::pin(async { Ok(StatusCode::OK) })),
            concurrency_limit: 10_000,
        }
    }

    /// A receiver whose handlers wait at a gate, and answer 200 behind it.
    pub fn gated(adapter: Adapter) -> (Setup, Gate) {
        let gate = Gate::closed();
        let inside = gate.clone();
        let setup = Self::on(adapter).handler(move |_| {
            let gate = inside.clone();
            async move {
                gate.pass().await;
                StatusCode::OK
            }
        });
        (setup, gate)
    }

    pub fn now(&self) -> i64 {
        nevent_webhooks::Clock::unix_seconds(&self.clock)
    }

    /// Waits until no handler is at work.
    pub async fn idle(&self) {
        let idle = tokio::time::timeout(Duration::from_secs(20), self.dedupe.wait_idle());
        idle.await.expect("no handler at work for 20 s");
    }

    /// How many times a handler was started.
    pub fn runs(&self) -> usize {
        self.seen().len()
    }

    /// What handlers were given, in order.
    pub fn seen(&self) -> Vec<Delivery> {
        self.seen.lock().expect("no panic while locked").clone()
    }

    pub fn incidents(&self, incident: Incident) -> u64 {
        self.dedupe.incidents(incident)
    }

    pub async fn connect(&self) -> Connection {
        Connection::open(self.address).await
    }

    /// Sends a delivery on a connection of its own and waits for the answer.
    pub async fn deliver(&self, post: &Post) -> Reply {
        let mut connection = self.start(post).await;
        connection.reply().await
    }

    /// Sends a delivery and does not wait.
    pub async fn start(&self, post: &Post) -> Connection {
        let (head, body) = post.wire(self.now());
        let mut connection = self.connect().await;
        connection.send(&[head, body].concat()).await;
        connection
    }
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text).expect("a secret")
}

impl Setup {
    pub fn verifier(mut self, verifier: Verifier) -> Self {
        self.verifier = verifier;
        self
    }

    pub fn verify(mut self, change: impl FnOnce(VerifyLayer) -> VerifyLayer + 'static) -> Self {
        self.verify = Box::new(change);
        self
    }

    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    pub fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = clock.clone();
        self
    }

    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    pub fn options(mut self, options: DedupeOptions) -> Self {
        self.options = options;
        self
    }

    pub fn concurrency_limit(mut self, limit: usize) -> Self {
        self.concurrency_limit = limit;
        self
    }

    pub fn handler<F>(self, handler: impl Fn(Delivery) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = StatusCode> + Send + 'static,
    {
        self.refusing_handler(move |delivery| {
            let status = handler(delivery);
            async move { Ok(status.await) }
        })
    }

    /// One that may answer with a rejection.
    pub fn refusing_handler<F>(
        mut self,
        handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
    {
        self.handler = Arc::new(move |delivery| Box::pin(handler(delivery)));
        self
    }

    pub async fn start(self) -> Receiver {
        let verify = VerifyLayer::new(self.verifier).clock(self.clock.clone());
        let verify = (self.verify)(verify);
        let store = self.store.unwrap_or_else(|| {
            Arc::new(MemoryStore::with_capacity(10_000).expect("room").clock(self.clock.clone()))
        });
        let dedupe = DedupeLayer::with_options(&self.scope, store, self.options);
        let dedupe = dedupe.expect("safe options");

        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler = recording(self.handler, Arc::clone(&seen));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let layers = (verify.clone(), dedupe.clone());
        #[cfg(feature = "actix")]
        if self.adapter == Adapter::Actix {
            let server = super::actix::serve(listener, layers, self.concurrency_limit, handler);
            let clock = self.clock;
            return Receiver { address, clock, verify, dedupe, seen, _server: Some(server) };
        }
        let limit = ConcurrencyLimitLayer::new(self.concurrency_limit);
        if self.adapter == Adapter::Axum {
            tokio::spawn(serve_axum(listener, layers, limit, handler));
        } else {
            tokio::spawn(serve_hyper(listener, layers, limit, handler));
        }
        Receiver {
            address,
            clock: self.clock,
            verify,
            dedupe,
            seen,
            #[cfg(feature = "actix")]
            _server: None,
        }
    }
}

fn recording(handler: Handler, seen: Arc<Mutex<Vec<Delivery>>>) -> Handler {
    Arc::new(move |delivery| {
        seen.lock().expect("no panic while locked").push(delivery.clone());
        handler(delivery)
    })
}

pub(super) type Layers = (VerifyLayer, DedupeLayer);

async fn serve_axum(
    listener: TcpListener,
    layers: Layers,
    limit: ConcurrencyLimitLayer,
    handler: Handler,
) {
    let handle = move |delivery: Delivery, body: Bytes| async move {
        assert_eq!(delivery.body(), &body, "the handler reads the bytes that were verified");
        handler(delivery).await
    };
    let webhook = post(handle).route_layer(limit).route_layer(layers);
    let app = Router::new().route("/webhooks/nevent", webhook);
    axum::serve(listener, app).await.expect("axum serves");
}

async fn serve_hyper(
    listener: TcpListener,
    layers: Layers,
    limit: ConcurrencyLimitLayer,
    handler: Handler,
) {
    let handle = service_fn(move |request: Request<VerifiedBody>| {
        let answer = handler(request.body().delivery().clone());
        async move {
            Ok::<_, Infallible>(match answer.await {
                Ok(status) => status.into_response(),
                Err(rejection) => rejection.to_response(),
            })
        }
    });
    let service = ServiceBuilder::new().layer(layers).layer(limit).service(handle);
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        serve_connection(stream, service.clone());
    }
}

/// Generic over the service: rustc cannot prove an `async` block `Send` that
/// holds a service with a `dyn` in it and bounds of `'static` on it.
fn serve_connection<S, B>(stream: TcpStream, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
    B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    tokio::spawn(async move {
        let server = hyper::server::conn::http1::Builder::new();
        let connection =
            server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        // A client that hangs up is an error here, and part of the tests.
        let _ = connection.await;
    });
}

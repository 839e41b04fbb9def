use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::{MemoryStore, SharedStore};
use nevent_webhooks::{
    Batch, DedupeLayer, DedupeOptions, Delivery, Incident, ManualClock, Rejection, Store, Verifier,
    VerifyLayer, VerifyOptions,
};
use tokio::net::TcpListener;
use tower::limit::ConcurrencyLimitLayer;

use super::received::{Asks, Received};
pub use super::secrets::secret;
use super::tower::{serve_axum, serve_hyper};
use super::{Adapter, Connection, Gate, Outer, Post, Reply, SECRET};

pub(super) type Answer =
    std::pin::Pin<Box<dyn Future<Output = Result<StatusCode, Rejection>> + Send>>;
pub(super) type Handler = Arc<dyn Fn(Received) -> Answer + Send + Sync>;
pub(super) type Layers = (VerifyLayer, DedupeLayer);

/// A receiver to be started, with the defaults unless told otherwise.
pub struct Setup {
    adapter: Adapter,
    clock: ManualClock,
    verifier: Box<dyn FnOnce(VerifyOptions) -> VerifyLayer>,
    verify: Box<dyn FnOnce(VerifyOptions) -> VerifyOptions>,
    verify_layer: Option<VerifyLayer>,
    scope: String,
    store: Option<SharedStore>,
    options: DedupeOptions,
    handler: Handler,
    asks: Asks,
    concurrency_limit: usize,
    outer: Option<Outer>,
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
            verifier: of(Verifier::new(secret(SECRET))),
            verify: Box::new(|options| options),
            verify_layer: None,
            scope: "tickets".to_owned(),
            store: None,
            options: DedupeOptions::new(),
            handler: Arc::new(|_| Box::pin(async { Ok(StatusCode::OK) })),
            asks: Asks::Nothing,
            concurrency_limit: 10_000,
            outer: None,
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
        let idle = tokio::time::timeout(Duration::from_secs(120), self.dedupe.wait_idle());
        idle.await.expect("no handler at work in the end");
    }

    /// The number of handlers started.
    pub fn runs(&self) -> usize {
        self.seen().len()
    }

    /// The deliveries that handlers were given, in order.
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

impl Setup {
    pub fn verifier<T: 'static, K: 'static>(mut self, verifier: Verifier<T, K>) -> Self {
        self.verifier = of(verifier);
        self
    }

    pub fn verify(mut self, change: impl FnOnce(VerifyOptions) -> VerifyOptions + 'static) -> Self {
        self.verify = Box::new(change);
        self
    }

    /// Takes the place of the verifier and its options.
    pub fn verify_layer(mut self, layer: VerifyLayer) -> Self {
        self.verify_layer = Some(layer);
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
        self.store = Some(SharedStore::new(store));
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

    /// Puts a layer above ours.
    pub fn below(mut self, outer: Outer) -> Self {
        self.outer = Some(outer);
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
        self,
        handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
    {
        self.asking_for(Asks::Nothing, move |received| handler(received.delivery))
    }

    /// One that takes the events of a batch.
    pub fn batch_handler<F>(self, handler: impl Fn(Batch) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
    {
        self.asking_for(Asks::Batch, move |received| {
            let work = received.batch.expect("asked for").map(&handler);
            async move { work?.await }
        })
    }

    pub fn asking_for<F>(
        mut self,
        asks: Asks,
        handler: impl Fn(Received) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
    {
        self.handler = Arc::new(move |received| Box::pin(handler(received)));
        self.asks = asks;
        self
    }

    pub async fn start(self) -> Receiver {
        let verify = self.verify_layer.unwrap_or_else(|| {
            let options = VerifyOptions::new().clock(self.clock.clone());
            (self.verifier)((self.verify)(options))
        });
        let store = self.store.unwrap_or_else(|| {
            let store = MemoryStore::with_capacity(10_000).expect("room");
            SharedStore::new(store.clock(self.clock.clone()))
        });
        // Some tests have several receivers of one endpoint.
        let dedupe = DedupeLayer::with_options(&self.scope, store, self.options.share_scope());
        let dedupe = dedupe.expect("safe options");

        let seen = Arc::new(Mutex::new(Vec::new()));
        let answers = (recording(self.handler, Arc::clone(&seen)), self.asks);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let layers = (verify.clone(), dedupe.clone());
        #[cfg(feature = "actix")]
        if self.adapter == Adapter::Actix {
            let server =
                super::actix::serve(listener, layers, self.concurrency_limit, self.outer, answers);
            let clock = self.clock;
            return Receiver { address, clock, verify, dedupe, seen, _server: Some(server) };
        }
        let limit = ConcurrencyLimitLayer::new(self.concurrency_limit);
        if self.adapter == Adapter::Axum {
            tokio::spawn(serve_axum(listener, layers, limit, self.outer, answers));
        } else {
            tokio::spawn(serve_hyper(listener, layers, limit, self.outer, answers));
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

fn of<T: 'static, K: 'static>(
    verifier: Verifier<T, K>,
) -> Box<dyn FnOnce(VerifyOptions) -> VerifyLayer> {
    Box::new(|options| VerifyLayer::with_options(verifier, options))
}

fn recording(handler: Handler, seen: Arc<Mutex<Vec<Delivery>>>) -> Handler {
    Arc::new(move |received| {
        seen.lock().expect("no panic while locked").push(received.delivery.clone());
        handler(received)
    })
}

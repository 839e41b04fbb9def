use std::net::SocketAddr;

use nevent_webhooks::queue::HandOver;
use nevent_webhooks::store::{MemoryStore, SharedStore, Store};
use nevent_webhooks::{
    Clock, DedupeLayer, DedupeOptions, ManualClock, Verifier, VerifyLayer, VerifyOptions,
};
use tokio::net::TcpListener;

use crate::serve;
use crate::support::receiver::secret;
use crate::support::{Adapter, Connection, FaultyStore, Post, Reply, SECRET};
use crate::test_queue::TestQueue;

/// A receiver on a real socket that hands its deliveries over.
pub struct Receiver {
    pub queue: TestQueue,
    pub store: FaultyStore,
    pub clock: ManualClock,
    pub dedupe: DedupeLayer,
    address: SocketAddr,
    #[cfg(feature = "actix")]
    _server: Option<serve::Server>,
}

/// A receiver to be started.
pub struct Setup {
    pub scope: String,
    pub options: DedupeOptions,
    pub verify: Option<VerifyLayer>,
    pub change: fn(HandOver<TestQueue>) -> HandOver<TestQueue>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            scope: "tickets".to_owned(),
            options: DedupeOptions::new(),
            verify: None,
            change: |hand_over| hand_over,
        }
    }
}

impl Setup {
    pub async fn start(self, adapter: Adapter) -> Receiver {
        let clock = ManualClock::now();
        let room = MemoryStore::with_capacity(10_000).expect("room");
        let store = FaultyStore::new(room.clock(clock.clone()));
        let verify = self.verify.unwrap_or_else(|| {
            let options = VerifyOptions::new().clock(clock.clone());
            VerifyLayer::with_options(Verifier::new(secret(SECRET)), options)
        });
        let shared = SharedStore::new(store.clone());
        let dedupe = DedupeLayer::with_options(&self.scope, shared, self.options);
        let dedupe = dedupe.expect("safe options");

        let queue = TestQueue::new();
        let hand_over = (self.change)(HandOver::new(queue.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let layers = (verify, dedupe.clone());
        #[cfg(feature = "actix")]
        let mut server = None;
        match adapter {
            Adapter::Axum => drop(tokio::spawn(serve::axum(listener, layers, hand_over))),
            Adapter::Hyper => drop(tokio::spawn(serve::hyper(listener, layers, hand_over))),
            #[cfg(feature = "actix")]
            Adapter::Actix => server = Some(serve::actix(listener, layers, hand_over)),
        }
        Receiver {
            queue,
            store,
            clock,
            dedupe,
            address,
            #[cfg(feature = "actix")]
            _server: server,
        }
    }
}

impl Receiver {
    pub async fn on(adapter: Adapter) -> Self {
        Setup::default().start(adapter).await
    }

    /// Sends a delivery on a connection of its own and waits for the answer.
    pub async fn deliver(&self, post: &Post) -> Reply {
        let (head, body) = post.wire(self.clock.unix_seconds());
        let mut connection = Connection::open(self.address).await;
        connection.send(&[head, body].concat()).await;
        connection.reply().await
    }

    /// The store that a consumer in the same process shares.
    pub fn store(&self) -> impl Store {
        self.store.clone()
    }
}

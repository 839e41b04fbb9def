use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::{Router, routing::post};
use nevent_webhooks::queue::HandOver;
use nevent_webhooks::store::Store;
use nevent_webhooks::{DedupeLayer, DedupeOptions, Verifier, VerifyLayer};
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::sqs::{SqsDeadLetters, SqsError, SqsOptions, SqsQueue, SqsWorker};
use tokio::time::sleep;

use crate::proxy::{Mode, Proxy};
use crate::server::{self, Server};
use crate::support::engine::{Engine, Foreign, engine_connects};
use crate::support::ledger::{self, Load};
use crate::support::promises::crashes::CROWD;
use crate::support::receiver::{self, SCOPE};
use crate::support::sender::Sender;

pub type Work = crate::support::work::Work<Sqs>;

pub async fn sender(options: &SqsOptions) -> Sender {
    crate::support::engine::sender::<Sqs>(options).await
}

/// The server has its messages in memory alone, so it is never killed.
pub struct Sqs {
    server: Arc<Server>,
    /// In front of the server, for the programs of the ledger.
    proxy: Option<Proxy>,
    queue: &'static str,
    timeout: Duration,
    outages: AtomicUsize,
}

const OUTAGE: Duration = Duration::from_secs(3);

impl ledger::Broker for Sqs {
    const AT_ONCE: usize = 16;

    async fn crash_and_restart(&self) {
        let proxy = self.proxy.as_ref().expect("a ledger's server");
        match self.outages.fetch_add(1, Ordering::Relaxed) % 3 {
            0 => proxy.set(Mode::LoseAnswers),
            1 => proxy.set(Mode::Cut),
            _ => self.server.process.signal("-STOP"),
        }
        sleep(OUTAGE).await;
        proxy.set(Mode::Pass);
        self.server.process.signal("-CONT");
    }
}

impl Sqs {
    async fn on(server: Arc<Server>, queue: &'static str, timeout: Duration) -> Self {
        drop(server.options(queue).await);
        Self { server, proxy: None, queue, timeout, outages: AtomicUsize::default() }
    }
}

impl Engine for Sqs {
    type Broker = Self;

    /// SQS has nothing shorter.
    const QUICK: Duration = Duration::from_secs(1);
    const MOST_CRASHES: usize = 50;
    const LEDGER: Load = Load { singles: 150, batches: 15, spread: Duration::from_secs(12) };
    const LONG_LEDGER: Load =
        Load { singles: 9_500, batches: 500, spread: Duration::from_secs(900) };

    engine_connects!(SqsOptions, SqsQueue, SqsWorker, SqsDeadLetters, SqsError);

    async fn shared(queue: &'static str) -> Self {
        let engine = Self::on(Server::shared().await, queue, Duration::from_secs(4)).await;
        if queue == CROWD {
            // With the 50 of `create_queues` the test would take minutes.
            engine.server.set_receptions(queue, 15).await;
        }
        engine
    }

    async fn alone() -> Self {
        Self::on(Arc::new(Server::start().await), "tickets", Duration::from_secs(1)).await
    }

    async fn for_ledger() -> Self {
        let alone = Self { timeout: Duration::from_secs(4), ..Self::alone().await };
        Self { proxy: Some(Proxy::to(alone.server.port).await), ..alone }
    }

    fn broker(&self) -> &Self {
        self
    }

    async fn kill(&self) {
        self.server.process.signal("-STOP");
    }

    async fn up(&self) {
        self.server.process.signal("-CONT");
    }

    async fn entries(&self) -> usize {
        self.server.messages(self.queue).await as usize
    }

    async fn in_hand(&self) -> usize {
        self.server.delayed_and_held(self.queue).await.1 as usize
    }

    async fn publish(&self, foreign: Foreign) -> Option<String> {
        let text = match foreign {
            Foreign::Unreadable => "?",
            Foreign::Newer => r#"{"version":2,"soul":"?"}"#,
        };
        self.server.send(self.queue, text).await;
        None
    }

    /// The port.
    fn address(&self) -> String {
        self.proxy.as_ref().map_or(self.server.port, |proxy| proxy.port).to_string()
    }

    fn options(&self) -> SqsOptions {
        server::options(self.server.port, self.queue).timeout(self.timeout)
    }

    async fn options_at(address: &str, queue: &str) -> Result<SqsOptions, SqsError> {
        Ok(server::options(address.parse().expect("a port"), queue))
    }

    fn crashing(options: SqsOptions) -> SqsOptions {
        options.visibility(Duration::from_secs(2))
    }

    fn crowded(options: SqsOptions) -> SqsOptions {
        Self::crashing(options)
    }

    /// SQS makes a dead letter of a message after 50 receptions.
    async fn vanish(&self) -> usize {
        self.server.set_state(self.queue, "attempts=0 vanished=46").await;
        46
    }

    /// moto is slow when the machine is busy, and a request that a worker gives up is carried out all the same.
    fn enduring(options: SqsOptions) -> SqsOptions {
        let retry = RetryPolicy::new().first(Duration::from_millis(500)).attempts(1_000);
        options.retry(retry.longest(Duration::from_secs(2))).timeout(Duration::from_secs(20))
    }

    fn impatient(options: SqsOptions) -> (SqsOptions, Duration) {
        let visibility = Duration::from_secs(2);
        (options.visibility(visibility), visibility)
    }

    /// It has more time than the others' tests have: moto is slow when the machine is busy, and a put that is
    /// given up is a copy more for it.
    async fn receiver(options: &SqsOptions, store: impl Store) -> Result<Router, SqsError> {
        let queue = SqsQueue::connect(options).await?;
        let lease = Duration::from_secs(6);
        let options = DedupeOptions::new().lease(lease).response_deadline(lease * 3 / 10);
        let options = options.store_timeout(lease / 4);
        let verify = VerifyLayer::new(Verifier::new(receiver::secret()));
        let dedupe = DedupeLayer::with_options(SCOPE, store, options).expect("safe options");
        let hand_over = HandOver::new(queue).put_timeout(lease / 4);
        let webhook = post(hand_over.handler()).route_layer((verify, dedupe));
        Ok(Router::new().route("/webhooks/nevent", webhook))
    }
}

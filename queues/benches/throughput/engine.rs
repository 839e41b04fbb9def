//! What is measured of each engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use nevent_webhooks::queue::{Envelope, Once, Queue, QueueError, hand_over};
use nevent_webhooks::store::{MemoryStore, Store};
use nevent_webhooks::{ClaimHandle, DedupeLayer, Verifier, VerifyLayer};
use tokio::task::JoinSet;

use crate::support::receiver::{self, SCOPE};
use crate::support::sender::Sender;
use crate::taken::Taken;

/// Under way at the same time: deliveries of the sender, and messages of the plain producer.
pub const AT_ONCE: usize = 32;
/// Handled at the same time: the default of every worker.
pub const CONCURRENCY: u16 = 16;

/// An engine with its broker, which is running. Beside the engine's own halves, a plain producer and a plain
/// consumer of the same client use a queue of the same configuration.
pub trait Engine: Sized {
    const NAME: &str;
    /// Deliveries in a round.
    const COUNT: u32 = 2_000;

    async fn start() -> Self;

    /// The engine's queue.
    async fn queue(&self) -> impl Queue;

    /// The store of the receiver's records.
    async fn store(&self) -> impl Store {
        MemoryStore::new()
    }

    /// Runs the engine's worker until all are taken.
    async fn work(&self, once: &Once, taken: &Arc<Taken>);

    /// Puts this body [`Engine::COUNT`] times with [`each_at_once`], each until the broker has confirmed it.
    /// Returns how long that took.
    async fn produce(&self, body: &str) -> Duration;

    /// Takes and acknowledges [`Engine::COUNT`] of these.
    async fn consume(&self, taken: &Arc<Taken>);
}

/// For each second.
pub struct Rates(pub [f64; 5]);

/// An engine with its receiver, which stays for all rounds, as in production.
pub struct Bench<E> {
    engine: E,
    /// To a receiver whose handler does nothing.
    alone: Sender,
    sender: Sender,
    /// One for all rounds, so that a delivery that was repeated is not handled in the next round.
    once: Once,
}

impl<E: Engine> Bench<E> {
    pub async fn start() -> Self {
        let engine = E::start().await;
        let alone = sender(app("alone", Nothing, engine.store().await)).await;
        let sender = sender(app(SCOPE, engine.queue().await, engine.store().await)).await;
        let once = Once::new("work", MemoryStore::new()).expect("a scope");
        Self { engine, alone, sender, once }
    }

    /// Every other time in the other order, so that neither always follows the other.
    pub async fn round(&self, plain_first: bool) -> Rates {
        let alone = send::<E>(&self.alone).await;
        let body = body(u32::MAX, 0);
        let (handed_over, produced) =
            both(send::<E>(&self.sender), self.engine.produce(&body), plain_first).await;
        let (worked, consumed) = both(self.work(), self.consume(), plain_first).await;
        let rate = |time: Duration| f64::from(E::COUNT) / time.as_secs_f64();
        // From the first to the last there is one less.
        let gaps = |time: Duration| f64::from(E::COUNT - 1) / time.as_secs_f64();
        Rates([rate(alone), rate(handed_over), rate(produced), gaps(worked), gaps(consumed)])
    }

    /// How many requests the sender has repeated, because they were not answered 2xx.
    pub fn repeated(&self, rounds: usize) -> usize {
        let deliveries = rounds * usize::try_from(E::COUNT).expect("a small number");
        self.sender.attempts() + self.alone.attempts() - 2 * deliveries
    }

    async fn work(&self) -> Duration {
        let taken = Arc::new(Taken::new(E::COUNT));
        self.engine.work(&self.once, &taken).await;
        taken.time()
    }

    async fn consume(&self) -> Duration {
        let taken = Arc::new(Taken::new(E::COUNT));
        self.engine.consume(&taken).await;
        taken.time()
    }
}

async fn both<T>(
    ours: impl Future<Output = T>,
    plain: impl Future<Output = T>,
    plain_first: bool,
) -> (T, T) {
    if plain_first {
        let plain = plain.await;
        (ours.await, plain)
    } else {
        (ours.await, plain.await)
    }
}

/// A queue that is no queue: what is left is HTTP, the signature and the store.
struct Nothing;

impl Queue for Nothing {
    async fn put(&self, _: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
        Ok(())
    }
}

/// With the default options. Those of the tests are too short for a busy broker: the sender would repeat.
fn app(scope: &str, queue: impl Queue, store: impl Store) -> Router {
    let verify = VerifyLayer::new(Verifier::new(receiver::secret()));
    let dedupe = DedupeLayer::new(scope, store).expect("a scope");
    let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
    Router::new().route("/webhooks/nevent", webhook)
}

async fn sender(app: Router) -> Sender {
    Sender::new(vec![receiver::spawn(app).await])
}

/// One event of about 1 KiB.
fn body(series: u32, number: u32) -> String {
    let name = "x".repeat(900);
    format!(
        r#"{{"id":"evt_{series}_{number}","type":"fan.created","created":1640995200,"data":{{"name":"{name}"}}}}"#
    )
}

async fn send<E: Engine>(sender: &Sender) -> Duration {
    // No body twice: the store would take the second for a replay.
    static SERIES: AtomicU32 = AtomicU32::new(0);
    let series = SERIES.fetch_add(1, Ordering::Relaxed);
    each_at_once(E::COUNT, move |number| {
        let sender = sender.clone();
        async move {
            sender.until_accepted(&format!("d-{series}-{number}"), &body(series, number)).await;
        }
    })
    .await
}

/// Runs so many of these, [`AT_ONCE`] at a time. Returns how long that took.
pub async fn each_at_once<F>(count: u32, run: impl Fn(u32) -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let (begun, mut tasks) = (Instant::now(), Tasks::most(AT_ONCE));
    for number in 0..count {
        tasks.spawn(run(number)).await;
    }
    tasks.end().await;
    begun.elapsed()
}

/// Tasks, so many at a time.
pub struct Tasks {
    tasks: JoinSet<()>,
    most: usize,
}

impl Tasks {
    pub fn most(most: usize) -> Self {
        Self { tasks: JoinSet::new(), most }
    }

    /// Those of a plain consumer: it acknowledges as many entries at the same time as a worker.
    pub fn of_a_consumer() -> Self {
        Self::most(CONCURRENCY.into())
    }

    /// Waits until there is a place.
    pub async fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        if self.tasks.len() >= self.most {
            self.tasks.join_next().await.expect("one").expect("no panic");
        }
        self.tasks.spawn(task);
    }

    pub async fn end(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no panic");
        }
    }
}

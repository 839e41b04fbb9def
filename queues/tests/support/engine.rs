//! What the tests need of an engine, so that each promise is written once.

use std::fmt::Display;
use std::time::{Duration, Instant};

use axum::Router;
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::{MemoryStore, Store};
use nevent_webhooks_queues::{DeadLetter, RetryPolicy, Select, WorkerIncident};
use tokio::time::sleep;

use super::ledger::{self, Load};
use super::sender::Sender;
use super::{PATIENCE, receiver};

/// A queue of an engine, on a broker that runs. [`engine_connects!`](super::engine_connects) writes the functions
/// that are the same for most engines.
pub trait Engine: Sized + Send + Sync + 'static {
    /// What a user sets.
    type Options: Clone + Send + Sync + 'static;
    type Worker: Send + 'static;
    type DeadLetters: Send + Sync + 'static;
    type Error: Display + Send;
    type Broker: ledger::Broker;

    /// The promises that it cannot keep, and why.
    const CANNOT: &'static [(&'static str, &'static str)] = &[];
    /// Whether an entry and the record of its delivery are written together, so that there are no copies.
    const IS_ATOMIC: bool = false;
    /// The shortest delay before another attempt.
    const QUICK: Duration = Duration::from_millis(50);
    /// The least time between the first two entries that are taken while the store fails.
    const FIRST_PAUSE: Duration = Duration::from_millis(400);
    /// The reason of a dead letter whose handler panicked.
    const PANICKED: &'static str = "panicked";
    /// How many processes an entry kills at most with [`Engine::crashing`] options.
    const MOST_CRASHES: usize = 4;
    const LEDGER: Load = Load { singles: 400, batches: 20, spread: Duration::from_secs(8) };
    const LONG_LEDGER: Load =
        Load { singles: 9_500, batches: 500, spread: Duration::from_secs(150) };

    /// A queue of this name on a broker that tests share, which none of them stops.
    async fn shared(queue: &'static str) -> Self;

    /// The queue `tickets` on a broker of its own.
    async fn alone() -> Self;

    /// The same for the ledger.
    async fn for_ledger() -> Self {
        Self::alone().await
    }

    fn broker(&self) -> &Self::Broker;

    /// `kill -9` of the broker, or what comes nearest.
    async fn kill(&self);

    /// Starts the broker again, with the same data.
    async fn up(&self);

    /// The number of entries that wait or are in hand. Dead letters do not count.
    async fn entries(&self) -> usize;

    /// The number of entries that a worker has, as far as the broker tells.
    async fn in_hand(&self) -> usize {
        0
    }

    /// Publishes what no receiver of this version has made. Returns its name in the queue, if the broker tells.
    async fn publish(&self, foreign: Foreign) -> Option<String>;

    /// Makes entries due that wait for a newer worker. Returns whether they come back soon.
    async fn hurry(&self) -> bool {
        false
    }

    /// Where the broker is, for another process.
    fn address(&self) -> String;

    /// The same for a receiver's process.
    fn address_of_receivers(&self) -> String {
        self.address()
    }

    fn options(&self) -> Self::Options;

    /// [`Engine::options`] in another process.
    async fn options_at(address: &str, queue: &str) -> Result<Self::Options, Self::Error>;

    fn retry(options: Self::Options, policy: RetryPolicy) -> Self::Options;

    fn concurrency(options: Self::Options, handlers: u16) -> Self::Options;

    /// An entry becomes a dead letter when it has killed as few workers as the engine allows.
    fn crashing(options: Self::Options) -> Self::Options;

    /// An entry becomes a dead letter when it has killed some fifteen workers.
    fn crowded(options: Self::Options) -> Self::Options {
        options
    }

    /// Gives the only entry vanished workers, if it takes many to make it a dead letter. Returns how many.
    async fn vanish(&self) -> usize {
        0
    }

    /// Nothing becomes a dead letter, whatever is killed, and delays are short.
    fn enduring(options: Self::Options) -> Self::Options;

    /// The entries of a worker that is silent soon go to another. Returns after which time.
    fn impatient(options: Self::Options) -> (Self::Options, Duration);

    /// A receiver. Its records are in this store, if the engine does not keep them itself.
    async fn receiver(options: &Self::Options, store: impl Store) -> Result<Router, Self::Error>;

    async fn worker(
        options: &Self::Options,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
    ) -> Result<Self::Worker, Self::Error>;

    fn run<F>(
        worker: Self::Worker,
        once: Once,
        handler: impl Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        stop: impl Future<Output = ()> + Send,
    ) -> impl Future<Output = ()> + Send
    where
        F: Future<Output = Result<(), String>> + Send + 'static;

    async fn dead_letters(options: &Self::Options) -> Result<Self::DeadLetters, Self::Error>;

    // The futures are `Send`: a web server's handler may call these.
    fn list(
        dead: &Self::DeadLetters,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DeadLetter>, Self::Error>> + Send;

    fn replay(
        dead: &Self::DeadLetters,
        select: Select<'_>,
    ) -> impl Future<Output = Result<usize, Self::Error>> + Send;

    fn delete(
        dead: &Self::DeadLetters,
        select: Select<'_>,
    ) -> impl Future<Output = Result<usize, Self::Error>> + Send;
}

/// What a queue can hold that no receiver of this version has put there.
#[derive(Debug, Clone, Copy)]
pub enum Foreign {
    /// The body `?` of another program.
    Unreadable,
    /// An envelope of a later version.
    Newer,
}

/// The functions of an [`Engine`] whose options, worker and dead letters have the usual names.
#[allow(unused_macros, reason = "Redis has other names")]
macro_rules! engine_connects {
    ($options:ty, $queue:ty, $worker:ty, $dead:ty, $error:ty) => {
        type Options = $options;
        type Worker = $worker;
        type DeadLetters = $dead;
        type Error = $error;

        fn retry(options: $options, policy: nevent_webhooks_queues::RetryPolicy) -> $options {
            options.retry(policy)
        }

        fn concurrency(options: $options, handlers: u16) -> $options {
            options.concurrency(handlers)
        }

        async fn worker(
            options: &$options,
            observer: impl Fn(&nevent_webhooks_queues::WorkerIncident<'_>) + Send + Sync + 'static,
        ) -> Result<$worker, $error> {
            Ok(<$worker>::connect(options).await?.observer(observer))
        }

        async fn run<F>(
            worker: $worker,
            once: nevent_webhooks::queue::Once,
            handler: impl Fn(nevent_webhooks::queue::Envelope, nevent_webhooks::ClaimHandle) -> F
            + Clone
            + Send
            + Sync
            + 'static,
            stop: impl Future<Output = ()> + Send,
        ) where
            F: Future<Output = Result<(), String>> + Send + 'static,
        {
            worker.run(&once, handler, stop).await;
        }

        async fn dead_letters(options: &$options) -> Result<$dead, $error> {
            <$dead>::connect(options).await
        }

        crate::support::engine::engine_dead_letters!($dead, $error);
    };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use engine_connects;

/// The part that all engines share.
#[allow(unused_macros, reason = "the benchmark uses none of these")]
macro_rules! engine_dead_letters {
    ($dead:ty, $error:ty) => {
        async fn list(
            dead: &$dead,
            limit: usize,
        ) -> Result<Vec<nevent_webhooks_queues::DeadLetter>, $error> {
            dead.list(limit).await
        }

        async fn replay(
            dead: &$dead,
            select: nevent_webhooks_queues::Select<'_>,
        ) -> Result<usize, $error> {
            dead.replay(select).await
        }

        async fn delete(
            dead: &$dead,
            select: nevent_webhooks_queues::Select<'_>,
        ) -> Result<usize, $error> {
            dead.delete(select).await
        }
    };
}
#[allow(unused_imports, reason = "the benchmark uses none of these")]
pub(crate) use engine_dead_letters;

/// A sender, with a receiver in this process that hands over to this queue.
pub async fn sender<E: Engine>(options: &E::Options) -> Sender {
    let app = connected(async || E::receiver(options, MemoryStore::new()).await).await;
    Sender::new(vec![receiver::spawn(app).await])
}

/// Connects as soon as the broker, which may be starting or busy, is there.
pub async fn connected<T, X: Display>(mut connect: impl AsyncFnMut() -> Result<T, X>) -> T {
    let begun = Instant::now();
    loop {
        match connect().await {
            Ok(connected) => return connected,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "no connection: {error}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Dead letters of a queue, for a test.
pub struct Dead<E: Engine>(E::DeadLetters);

impl<E: Engine> Dead<E> {
    pub async fn of(options: &E::Options) -> Self {
        Self(connected(async || E::dead_letters(options).await).await)
    }

    pub async fn list(&self) -> Vec<DeadLetter> {
        self.few(100).await
    }

    pub async fn few(&self, limit: usize) -> Vec<DeadLetter> {
        answer(E::list(&self.0, limit).await)
    }

    pub async fn replay(&self, select: Select<'_>) -> usize {
        answer(E::replay(&self.0, select).await)
    }

    pub async fn delete(&self, select: Select<'_>) -> usize {
        answer(E::delete(&self.0, select).await)
    }

    /// Waits until there are as many.
    pub async fn are(&self, count: usize) {
        super::eventually("the dead letters", async || self.list().await.len() == count).await;
    }
}

fn answer<T, X: Display>(answered: Result<T, X>) -> T {
    answered.unwrap_or_else(|error| panic!("no answer of the broker: {error}"))
}

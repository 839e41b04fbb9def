//! Workers of a test, in its own process.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::{MemoryStore, Store};
use nevent_webhooks_queues::WorkerIncident;
use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue, NatsWorker};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use crate::support::receiver;
use crate::support::sender::Sender;

/// The attempts at entries: each entry's id, and when.
pub type Seen = Arc<Mutex<Vec<(String, Instant)>>>;

/// A worker whose handler fails as long as `fails` says so. Stopped by [`Work::stop`], or with its test.
pub struct Work {
    pub seen: Seen,
    stop: oneshot::Sender<Infallible>,
    task: JoinHandle<()>,
}

impl Work {
    /// `fails` is asked with the number of the attempt at the entry, from 1.
    pub async fn start(
        options: &NatsOptions,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        Self::with(options, MemoryStore::new(), |_| {}, fails).await
    }

    /// With a handler that takes so long.
    pub async fn slow(options: &NatsOptions, takes: Duration) -> Self {
        Self::taking(takes, open(), options, MemoryStore::new(), |_| {}, |_| false).await
    }

    /// With a handler that takes a permit of this gate for each entry.
    pub async fn gated(options: &NatsOptions, gate: Arc<Semaphore>) -> Self {
        Self::taking(TAKES, gate, options, MemoryStore::new(), |_| {}, |_| false).await
    }

    /// With a store and an observer.
    pub async fn with(
        options: &NatsOptions,
        store: impl Store,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        Self::taking(TAKES, open(), options, store, observer, fails).await
    }

    async fn taking(
        takes: Duration,
        gate: Arc<Semaphore>,
        options: &NatsOptions,
        store: impl Store,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        let worker = NatsWorker::connect(options).await.expect("a broker").observer(observer);
        let (stop, stopped) = oneshot::channel();
        let (seen, fails) = (Seen::default(), Arc::new(fails));
        let handler = {
            let seen = Arc::clone(&seen);
            move |envelope: Envelope, _: ClaimHandle| {
                let (gate, seen, fails) = (gate.clone(), seen.clone(), fails.clone());
                async move {
                    gate.acquire().await.expect("a gate").forget();
                    handle(takes, envelope, seen, fails).await
                }
            }
        };
        let task = tokio::spawn(async move {
            let once = Once::new("work", store).expect("safe options");
            worker.run(&once, handler, async { drop(stopped.await) }).await;
        });
        Self { seen, stop, task }
    }

    pub fn count(&self) -> usize {
        self.seen.lock().expect("no panic").len()
    }

    /// The ids of the entries, sorted.
    pub fn ids(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        let mut ids: Vec<_> = seen.iter().map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    }

    /// A graceful shutdown.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("no panic");
    }
}

/// Long enough that a shutdown finds running handlers.
const TAKES: Duration = Duration::from_millis(20);

fn open() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(Semaphore::MAX_PERMITS))
}

async fn handle(
    takes: Duration,
    envelope: Envelope,
    seen: Seen,
    fails: Arc<impl Fn(usize) -> bool>,
) -> Result<(), &'static str> {
    tokio::time::sleep(takes).await;
    let id = envelope.id().as_str().to_owned();
    let mut seen = seen.lock().expect("no panic");
    seen.push((id.clone(), Instant::now()));
    let attempt = seen.iter().filter(|(other, _)| *other == id).count();
    if fails(attempt) { Err("not today") } else { Ok(()) }
}

/// A sender, with a receiver that hands over to this queue.
pub async fn sender(options: &NatsOptions) -> Sender {
    let queue = NatsQueue::connect(options).await.expect("a broker");
    Sender::new(vec![receiver::spawn(receiver::app(queue, MemoryStore::new())).await])
}

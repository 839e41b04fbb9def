//! Workers of a test, in its own process.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::{Router, routing::post};
use nevent_webhooks::queue::{Envelope, HandOver, Once, Queue};
use nevent_webhooks::store::{MemoryStore, Store};
use nevent_webhooks::{ClaimHandle, DedupeLayer, DedupeOptions, Verifier, VerifyLayer};
use nevent_webhooks_queues::WorkerIncident;
use nevent_webhooks_queues::sqs::{SqsOptions, SqsQueue, SqsWorker};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::eventually;
use crate::support::receiver::{self, SCOPE};
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
        options: &SqsOptions,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        Self::with(options, MemoryStore::new(), |_| {}, fails).await
    }

    /// With a store and an observer.
    pub async fn with(
        options: &SqsOptions,
        store: impl Store,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        let mut worker = None;
        // Its time limit may be short, and the machine busy.
        eventually("a worker", async || {
            worker = SqsWorker::connect(options).await.ok();
            worker.is_some()
        })
        .await;
        let worker = worker.expect("connected").observer(observer);
        let (stop, stopped) = oneshot::channel();
        let (seen, fails) = (Seen::default(), Arc::new(fails));
        let handler = {
            let seen = Arc::clone(&seen);
            move |envelope: Envelope, _: ClaimHandle| {
                handle(envelope, Arc::clone(&seen), Arc::clone(&fails))
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
pub const TAKES: Duration = Duration::from_millis(20);

async fn handle(
    envelope: Envelope,
    seen: Seen,
    fails: Arc<impl Fn(usize) -> bool>,
) -> Result<(), &'static str> {
    tokio::time::sleep(TAKES).await;
    let id = envelope.id().as_str().to_owned();
    let mut seen = seen.lock().expect("no panic");
    seen.push((id.clone(), Instant::now()));
    let attempt = seen.iter().filter(|(other, _)| *other == id).count();
    if fails(attempt) { Err("not today") } else { Ok(()) }
}

/// A sender, with a receiver that hands over to this queue.
pub async fn sender(options: &SqsOptions) -> Sender {
    let mut queue = None;
    eventually("a queue", async || {
        queue = SqsQueue::connect(options).await.ok();
        queue.is_some()
    })
    .await;
    let queue = queue.expect("connected");
    Sender::new(vec![receiver::spawn(app(queue, MemoryStore::new())).await])
}

/// A receiver with more time than the others' tests have: moto is slow when the machine is busy, and a put
/// that is given up is a copy more for it.
pub fn app(queue: impl Queue, store: impl Store) -> Router {
    let lease = Duration::from_secs(6);
    let options = DedupeOptions::new().lease(lease).response_deadline(lease * 3 / 10);
    let options = options.store_timeout(lease / 4);
    let verify = VerifyLayer::new(Verifier::new(receiver::secret()));
    let dedupe = DedupeLayer::with_options(SCOPE, store, options).expect("safe options");
    let hand_over = HandOver::new(queue).put_timeout(lease / 4);
    let webhook = post(hand_over.handler()).route_layer((verify, dedupe));
    Router::new().route("/webhooks/nevent", webhook)
}

//! Queues of tests, and workers in the test's own process.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::{MemoryStore, Store};
use nevent_webhooks_queues::WorkerIncident;
use nevent_webhooks_queues::postgres::{
    PostgresDeadLetters, PostgresOptions, PostgresQueue, PostgresWorker,
};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::servers::Server;
use crate::servers::server::Database;
use crate::support::receiver;
use crate::support::sender::Sender;

/// A migrated database of its own, on the shared server.
pub struct Scene {
    pub database: Database,
    pub options: PostgresOptions,
}

impl Scene {
    pub async fn new() -> Self {
        let database = Database::new().await;
        let options = options(&database.url());
        options.migrate().await.expect("a server");
        Self { database, options }
    }

    pub async fn sender(&self) -> Sender {
        sender(&self.options).await
    }

    pub async fn dead(&self) -> PostgresDeadLetters {
        PostgresDeadLetters::connect(&self.options).await.expect("a server")
    }

    /// The number of entries for which this condition holds.
    pub async fn count(&self, condition: &str) -> i64 {
        let query = format!("SELECT count(*) FROM nevent_webhooks.entries WHERE {condition}");
        self.database.client().await.query_one(&query, &[]).await.expect("a table").get(0)
    }
}

/// Options for the test servers, which write nothing to the disk.
pub fn options(url: &str) -> PostgresOptions {
    let options = PostgresOptions::new(url, "tickets").expect("a URL");
    options.dangerously_accept_unsafe_disk().connections(4)
}

/// A server of its own, and its options, migrated.
pub async fn own_server(settings: &[&str]) -> (Server, PostgresOptions) {
    let server = Server::with(settings).await;
    let options = options(&server.url());
    options.migrate().await.expect("a server");
    (server, options)
}

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
        options: &PostgresOptions,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        Self::with(options, MemoryStore::new(), |_| {}, fails).await
    }

    /// With a store and an observer.
    pub async fn with(
        options: &PostgresOptions,
        store: impl Store,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        let worker = PostgresWorker::connect(options).await.expect("a server").observer(observer);
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
const TAKES: Duration = Duration::from_millis(20);

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
pub async fn sender(options: &PostgresOptions) -> Sender {
    let queue = PostgresQueue::connect(options).await.expect("a server");
    let store = options.store().await.expect("a server");
    Sender::new(vec![receiver::spawn(receiver::app(queue, store)).await])
}

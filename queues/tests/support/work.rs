//! Workers of a test, in its own process.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::{MemoryStore, Store};
use nevent_webhooks_queues::WorkerIncident;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::engine::{Engine, connected};

/// The attempts at entries: each entry's id, and when.
pub type Seen = Arc<Mutex<Vec<(String, Instant)>>>;

/// A worker whose handler fails as long as `fails` says so. Stopped by [`Work::stop`], or with its test.
pub struct Work<E> {
    pub seen: Seen,
    begun: Arc<AtomicUsize>,
    stop: oneshot::Sender<Infallible>,
    task: JoinHandle<()>,
    engine: PhantomData<E>,
}

/// Long enough that a shutdown finds running handlers.
pub const TAKES: Duration = Duration::from_millis(20);

impl<E: Engine> Work<E> {
    /// `fails` is asked with the number of the attempt at the entry, from 1.
    pub async fn start(
        options: &E::Options,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        Self::with(options, MemoryStore::new(), |_| {}, fails).await
    }

    /// With a store and an observer.
    pub async fn with(
        options: &E::Options,
        store: impl Store,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self::taking(TAKES, gate, options, store, observer, fails).await
    }

    /// With a handler that takes so long.
    pub async fn slow(options: &E::Options, takes: Duration) -> Self {
        let gate = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self::taking(takes, gate, options, MemoryStore::new(), |_| {}, |_| false).await
    }

    /// With a handler that takes a permit of this gate for each entry.
    pub async fn gated(options: &E::Options, store: impl Store, gate: Arc<Semaphore>) -> Self {
        Self::taking(TAKES, gate, options, store, |_| {}, |_| false).await
    }

    /// With all that can be set.
    pub async fn taking(
        takes: Duration,
        gate: Arc<Semaphore>,
        options: &E::Options,
        store: impl Store,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
        fails: impl Fn(usize) -> bool + Sync + Send + 'static,
    ) -> Self {
        let observer = Arc::new(observer);
        let worker = connected(async || {
            let observer = Arc::clone(&observer);
            E::worker(options, move |happened| observer(happened)).await
        })
        .await;
        let (stop, stopped) = oneshot::channel();
        let (seen, fails, begun) =
            (Seen::default(), Arc::new(fails), Arc::<AtomicUsize>::default());
        let handler = {
            let (seen, begun) = (Arc::clone(&seen), Arc::clone(&begun));
            move |envelope: Envelope, _: ClaimHandle| {
                begun.fetch_add(1, Ordering::Relaxed);
                let (gate, seen, fails) = (gate.clone(), seen.clone(), fails.clone());
                async move {
                    gate.acquire().await.expect("a gate").forget();
                    sleep(takes).await;
                    handle(&envelope, &seen, &*fails)
                }
            }
        };
        let once = Once::new("work", store).expect("safe options");
        let stopped = async { drop(stopped.await) };
        let task = tokio::spawn(E::run(worker, once, handler, stopped));
        Self { seen, begun, stop, task, engine: PhantomData }
    }

    /// Attempts that have ended.
    pub fn count(&self) -> usize {
        self.seen.lock().expect("no panic").len()
    }

    /// Attempts that have begun.
    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// The ids of the entries, sorted.
    pub fn ids(&self) -> Vec<String> {
        ids(&self.seen)
    }

    /// A graceful shutdown.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("no panic");
    }
}

pub fn ids(seen: &Seen) -> Vec<String> {
    let mut ids: Vec<_> = seen.lock().expect("no panic").iter().map(|(id, _)| id.clone()).collect();
    ids.sort();
    ids
}

fn handle(envelope: &Envelope, seen: &Seen, fails: &impl Fn(usize) -> bool) -> Result<(), String> {
    let id = envelope.id().as_str().to_owned();
    let attempt = {
        let mut seen = seen.lock().expect("no panic");
        seen.push((id.clone(), Instant::now()));
        seen.iter().filter(|(other, _)| *other == id).count()
    };
    if fails(attempt) { Err("not today".to_owned()) } else { Ok(()) }
}

/// What a worker has told its observer, one line each, and when. Clones share it.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<(String, Instant)>>>);

impl Told {
    pub fn observer(&self) -> impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static {
        let told = self.clone();
        move |happened| {
            let line = match happened {
                WorkerIncident::Retry { event, outcome, attempts, delay, .. } => {
                    format!("retry {event} {outcome} {attempts} {}", delay.as_millis())
                }
                WorkerIncident::DeadLetter { event, reason, attempts, .. } => {
                    format!("dead {event} {reason} {attempts}")
                }
                WorkerIncident::QueueFailed { error, .. } => format!("failed {error}"),
                other => format!("{other:?}"),
            };
            told.0.lock().expect("no panic").push((line, Instant::now()));
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.all().into_iter().map(|(line, _)| line).collect()
    }

    /// The lines of entries that wait again: `retry`, the event, the outcome, the attempts, and the delay in
    /// milliseconds.
    pub fn moves(&self) -> Vec<(String, Instant)> {
        self.all().into_iter().filter(|(line, _)| line.starts_with("retry ")).collect()
    }

    fn all(&self) -> Vec<(String, Instant)> {
        self.0.lock().expect("no panic").clone()
    }
}

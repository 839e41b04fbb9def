use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::check::{Rights, check};
use super::database::Database;
use super::entries::Entries;
use super::handling::Handling;
use super::upkeep::Upkeep;
use super::wake::Listener;
use super::{PostgresError, PostgresOptions};
use crate::WorkerIncident;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::places::Places;

/// After a failure of the server, before the worker asks it again.
const PAUSE: Duration = Duration::from_secs(1);
/// In one answer: with thousands, it could be late, and all of them would be taken again, as many.
const MOST_AT_ONCE: usize = 64;

/// The worker's half: takes entries from the table, and runs a handler once for each.
///
/// | the entry | goes |
/// | --- | --- |
/// | is done, now or before | away: its row is deleted |
/// | is in flight elsewhere, or the store failed | back, to be due later; that is no attempt |
/// | has a version of the format that this release cannot read | the same, for a newer worker |
/// | failed | back, to be due after the next delay of the [`RetryPolicy`](crate::RetryPolicy) |
/// | failed at the last attempt, or its workers vanished too often | among the dead letters |
/// | is no event, or cannot be read at all | among the dead letters, as it came |
///
/// An entry whose worker vanishes is due again when the worker's [lease](PostgresOptions::lease) has
/// expired. Several workers, in one process or many, share the work. A worker survives restarts of the
/// server.
#[derive(Debug)]
pub struct PostgresWorker {
    entries: Arc<Entries>,
    observer: Observer,
}

impl PostgresWorker {
    /// Connects to the database, and checks it.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: the server cannot be reached, would lose entries as it is configured, or has not
    /// been [migrated](PostgresOptions::migrate).
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let database = Database::new(options)?;
        check(&database, Rights::Work, options.accepts_unsafe_disk).await?;
        let entries = Arc::new(Entries::new(database, options.clone()));
        Ok(Self { entries, observer: Observer::of(&options.queue) })
    }

    /// Sets the function that is told of retries, dead letters and failures of the server.
    #[must_use]
    pub fn observer(
        mut self,
        observer: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer.set(observer);
        self
    }

    /// Handles entries until `stop` completes. Then it takes no more, and returns when those in flight
    /// are done: wrap it in a timeout if your platform does not kill the process.
    ///
    /// If you drop the future, handlers continue, and their entries are due again when the lease has
    /// expired.
    pub async fn run<H, F, T, E>(&self, once: &Once, handler: H, stop: impl Future<Output = ()>)
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let (stopping, is_stopping) = watch::channel(false);
        let handling = Handling {
            entries: Arc::clone(&self.entries),
            handler: Handler::new(once, handler),
            observer: self.observer.begin(),
            refusals: Arc::default(),
            in_hand: Arc::default(),
            stopping: is_stopping,
            places: Arc::new(Places::new(self.entries.options.concurrency)),
        };
        // Until the last handler has ended.
        let _upkeep = Upkeep::start(handling.clone());
        let mut tasks = JoinSet::new();
        let working = self.work(&handling, &mut tasks);
        let stopped = async {
            stop.await;
            let _ = stopping.send_replace(true);
        };
        // The two end together. Nothing is dropped half-way: what is being taken would have no handler.
        tokio::join!(working, stopped);
        while tasks.join_next().await.is_some() {}
        once.wait_idle().await;
    }

    /// Takes entries until the worker is told to stop.
    async fn work(&self, handling: &Handling, tasks: &mut JoinSet<()>) {
        let listener = Listener::start(&self.entries.options);
        let permits = Arc::new(Semaphore::new(self.entries.options.concurrency.into()));
        let mut stopping = handling.stopping.clone();
        loop {
            let permits = tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
                permits = all_of(&permits) => permits,
            };
            let pause = match self.take(permits, handling, tasks).await {
                Ok(true) => continue,
                Ok(false) => self.entries.options.poll_every,
                Err(error) => {
                    self.observer.failed(&error);
                    tokio::select! {
                        _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
                        () = sleep(PAUSE) => continue,
                    }
                }
            };
            tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
                _ = timeout(pause, listener.woken()) => {}
            }
        }
    }

    /// Takes as many entries as there are permits, up to a limit. Returns whether there may be more.
    async fn take(
        &self,
        mut permits: Vec<OwnedSemaphorePermit>,
        handling: &Handling,
        tasks: &mut JoinSet<()>,
    ) -> Result<bool, PostgresError> {
        while tasks.try_join_next().is_some() {}
        let most = permits.len().min(MOST_AT_ONCE);
        let taken = self.entries.take(most).await?;
        let may_be_more = taken.len() == most;
        for (entry, permit) in taken.into_iter().zip(permits.drain(..)) {
            handling.hold(&entry);
            tasks.spawn(handling.clone().handle(entry, permit));
        }
        Ok(may_be_more)
    }
}

/// All permits that there are, at least one.
async fn all_of(permits: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let first = Arc::clone(permits).acquire_owned().await;
    let mut all = Vec::from_iter(first);
    while let Ok(another) = Arc::clone(permits).try_acquire_owned() {
        all.push(another);
    }
    all
}

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::api::MOST;
use super::handling::Handling;
use super::link::Link;
use super::taken::Taken;
use super::turns::Turns;
use super::{SqsError, SqsOptions};
use crate::WorkerIncident;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::places::Places;

/// How long a request waits for a first message, at most: the longest that SQS has, and so the fewest
/// requests.
const WAIT: Duration = Duration::from_secs(20);

/// The worker's half: takes entries from the queue, and runs a handler once for each.
///
/// | the entry | goes |
/// | --- | --- |
/// | is done, now or before | away: its message is deleted |
/// | is in flight elsewhere, or the store failed | into the queue again, after a delay; that is no attempt |
/// | has a version of the format that this release cannot read | the same, for a newer worker |
/// | failed | into the queue again, after the next delay of the [`RetryPolicy`](crate::RetryPolicy) |
/// | failed at the last attempt, or its workers vanished too often | into the dead letters |
/// | is no event, or cannot be read at all | into the dead letters, as it came |
///
/// An entry whose worker vanishes is visible again after [`SqsOptions::visibility`]. The worker survives
/// outages of SQS.
#[derive(Debug)]
pub struct SqsWorker {
    options: SqsOptions,
    link: Arc<Link>,
    observer: Observer,
}

impl SqsWorker {
    /// Finds the queues. If they would lose entries, the worker saves those that are there, and tells its
    /// observer. Only [`SqsQueue`](super::SqsQueue) refuses such queues.
    ///
    /// # Errors
    ///
    /// [`SqsError`]: SQS cannot be reached, there is no such queue, or it has no dead-letter queue.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime, and for a client's configuration without a behavior version.
    pub async fn connect(options: &SqsOptions) -> Result<Self, SqsError> {
        let link = Arc::new(Link::connect(options).await?);
        Ok(Self { link, options: options.clone(), observer: Observer::of(options.name()) })
    }

    /// Sets the function that is told of retries, dead letters and failures of SQS. It is also told if
    /// the queue would lose entries. The worker goes on then, because it saves those that are there.
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
    /// If you drop the future, handlers continue, and SQS delivers their entries again.
    pub async fn run<H, F, T, E>(&self, once: &Once, handler: H, stop: impl Future<Output = ()>)
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let (stopping, is_stopping) = watch::channel(false);
        let handling = Handling {
            handler: Handler::new(once, handler),
            options: Arc::new(self.options.clone()),
            observer: self.observer.begin(),
            link: Arc::clone(&self.link),
            refusals: Arc::default(),
            stopping: is_stopping,
            places: Arc::new(Places::new(self.options.concurrency)),
        };
        let mut tasks = JoinSet::new();
        tokio::select! {
            () = stop => {}
            () = self.take_all(&handling, &mut tasks) => {}
            () = self.watch_configuration() => {}
        }
        let _ = stopping.send_replace(true);
        while tasks.join_next().await.is_some() {}
        once.wait_idle().await;
    }

    /// Takes entries for ever.
    async fn take_all(&self, handling: &Handling, tasks: &mut JoinSet<()>) {
        let permits = Arc::new(Semaphore::new(self.options.concurrency.into()));
        let mut pause = FIRST_PAUSE;
        loop {
            while tasks.try_join_next().is_some() {}
            let free = free(&permits).await;
            match self.receive(free.len()).await {
                Ok(messages) => {
                    let mut turns = Turns::default();
                    for (taken, permit) in messages.into_iter().zip(free) {
                        let turn = turns.next(taken.in_group.clone());
                        tasks.spawn(handling.clone().handle(taken, permit, turn));
                    }
                    pause = FIRST_PAUSE;
                }
                Err(error) => {
                    self.observer.failed(&error);
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    async fn receive(&self, most: usize) -> Result<Vec<Taken>, SqsError> {
        let queues = self.link.queues();
        self.link.api.receive(&queues.url, most, WAIT, self.options.visibility).await
    }

    async fn watch_configuration(&self) {
        if let Some(refusal) = self.link.refusal() {
            self.observer.failed(&refusal);
        }
        loop {
            self.observer.failed(&self.link.refused().await);
        }
    }
}

/// Waits for a place among the handlers, and takes all that are free for one request. A message that was
/// received and has to wait for a place could become visible in the meantime.
async fn free(permits: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let mut free = Vec::with_capacity(MOST);
    free.extend(Arc::clone(permits).acquire_owned().await);
    while free.len() < MOST
        && let Ok(permit) = Arc::clone(permits).try_acquire_owned()
    {
        free.push(permit);
    }
    free
}

use std::fmt::Display;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Batch;
use futures_util::{FutureExt, StreamExt};
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::handling::{ASIDE, Handling};
use super::link::Link;
use super::sweep::sweep;
use super::taken::Taken;
use super::topology::REQUEST;
use super::{NatsError, NatsOptions};
use crate::WorkerIncident;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::places::Places;

/// Before entries are asked for again, if the server has refused to deliver some.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the consumer is looked at. Somebody may have deleted it: the server answers no requests for entries
/// then, and does not say why.
const LOOK: Duration = Duration::from_secs(10);
/// How often the observer is told that there is still no connection, and why.
const AGAIN: Duration = Duration::from_secs(5);

/// The worker's half: takes entries from the stream, and runs a handler once for each.
///
/// | the entry | goes |
/// | --- | --- |
/// | is done, now or before | away: it is acknowledged, and the server deletes it |
/// | is in flight elsewhere | back into the stream until the other lease expires; that is no attempt |
/// | has a version of the format that this release cannot read | the same, for a newer worker |
/// | was refused, because the store failed | nowhere: the worker tries it again after a pause |
/// | failed | back into the stream, for the next delay of the [`RetryPolicy`](crate::RetryPolicy), of 7 days at most |
/// | failed at the last attempt, or its workers vanished too often | into the dead letters |
/// | is no event, or cannot be read at all | into the dead letters, as it came |
///
/// If a stream takes nothing, because it is full for example, the worker keeps the entry and tries again after
/// pauses, while it handles others.
///
/// An entry whose worker vanishes is delivered again by the server, after
/// [`NatsOptions::ack_wait`]. The worker survives restarts of the server.
#[derive(Debug)]
pub struct NatsWorker {
    options: NatsOptions,
    link: Arc<Link>,
    observer: Observer,
}

impl NatsWorker {
    /// Connects to a server, and creates the streams and their consumer, or checks those that exist.
    ///
    /// # Errors
    ///
    /// [`NatsError`]: no server can be reached, or a stream or the consumer would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &NatsOptions) -> Result<Self, NatsError> {
        let link = Arc::new(Link::connect(options).await?);
        options.consumer(&link.context).await?;
        Ok(Self { link, options: options.clone(), observer: Observer::of(&options.name) })
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
    /// If you drop the future, handlers continue, and the server delivers their entries again.
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
            refusals: Arc::default(),
            stopping: is_stopping,
            permits: Arc::new(Semaphore::new(self.options.concurrency.into())),
            places: Arc::new(Places::new(self.options.concurrency)),
            aside: Arc::new(Semaphore::new(ASIDE)),
        };
        let stopped = async {
            stop.await;
            let _ = stopping.send_replace(true);
        };
        tokio::join!(self.work(handling), stopped);
        once.wait_idle().await;
    }

    async fn work(&self, handling: Handling) {
        let mut tasks = JoinSet::new();
        while let Err(error) = self.take(&handling, &mut tasks).await {
            self.observer.failed(&error);
            if handling.stops_within(PAUSE).await {
                break;
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    /// Takes entries until the worker is told to stop.
    async fn take(&self, handling: &Handling, tasks: &mut JoinSet<()>) -> Result<(), NatsError> {
        loop {
            let consumer = tokio::select! {
                () = handling.stops() => return Ok(()),
                consumer = self.consumer() => consumer?,
            };
            let looked = Instant::now();
            while looked.elapsed() < LOOK {
                if self.take_some(&consumer, handling, tasks).await?.is_break() {
                    return Ok(());
                }
                while tasks.try_join_next().is_some() {}
            }
        }
    }

    /// Takes as many as can be handled now, or as come in time. Breaks if the worker is told to stop.
    async fn take_some(
        &self,
        consumer: &PullConsumer,
        handling: &Handling,
        tasks: &mut JoinSet<()>,
    ) -> Result<ControlFlow<()>, NatsError> {
        let mut permits = tokio::select! {
            biased;
            () = handling.stops() => return Ok(ControlFlow::Break(())),
            permits = free(&handling.permits) => permits,
        };
        let mut batch = request(consumer, permits.len()).await?;
        while let Some(permit) = permits.pop() {
            let message = tokio::select! {
                biased;
                () = handling.stops() => {
                    self.leave(batch).await;
                    return Ok(ControlFlow::Break(()));
                }
                error = self.link.ended() => return Err(error),
                message = batch.next() => message,
            };
            // The server has kept the request long enough.
            let Some(message) = message else { break };
            let message = message.map_err(|error| NatsError::server(&*error))?;
            let taken = Taken::new(message, Arc::clone(&self.link))?;
            tasks.spawn(handling.clone().handle(taken, permit));
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Creates or checks the consumer, and puts again what it would never deliver.
    async fn consumer(&self) -> Result<PullConsumer, NatsError> {
        while timeout(AGAIN, self.link.wait()).await.is_err() {
            // It may be another reason than at first.
            if let Err(error) = self.link.check() {
                self.observer.failed(&error);
            }
        }
        let consumer = self.options.consumer(&self.link.context).await?;
        let info = consumer.cached_info();
        // Its failure is not the end: a full stream takes nothing, and has to be emptied.
        if let Err(error) = sweep(&self.link, &self.options, info, &self.observer).await {
            self.observer.failed(&error);
        }
        Ok(consumer)
    }

    /// Gives back what has come in and was not begun. Other workers would wait for it until the `ack_wait`, and
    /// take this worker for one that has vanished.
    async fn leave(&self, mut batch: Batch) {
        while let Some(Some(Ok(message))) = batch.next().now_or_never() {
            if let Ok(taken) = Taken::new(message, Arc::clone(&self.link)) {
                taken.leave(&self.options).await;
            }
        }
    }
}

/// Waits for a free permit, and returns all that are free.
async fn free(permits: &Arc<Semaphore>) -> Vec<OwnedSemaphorePermit> {
    let first = Arc::clone(permits).acquire_owned().await;
    let more = std::iter::from_fn(|| Arc::clone(permits).try_acquire_owned().ok());
    first.into_iter().chain(more).collect()
}

async fn request(consumer: &PullConsumer, entries: usize) -> Result<Batch, NatsError> {
    let request = consumer.batch().max_messages(entries).expires(REQUEST).messages();
    request.await.map_err(|error| NatsError::server(&error))
}

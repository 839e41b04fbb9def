use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::watch;
use tokio::time::sleep;

use super::client::Limit;
use super::handling::Handling;
use super::partitions::Partitions;
use super::publisher::Publisher;
use super::taking::{Taking, events};
use super::{KafkaError, KafkaOptions};
use crate::WorkerIncident;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::SharedPause;

/// Before the next consumer, if one has ended for good.
const PAUSE: Duration = Duration::from_secs(1);

/// The worker's half: takes entries from the topic, and runs a handler once for each.
///
/// | the entry | goes |
/// | --- | --- |
/// | is done, now or before | its offset is committed when those before it are done, too |
/// | is in flight elsewhere, or the store failed | into a retry topic; that is no attempt |
/// | has a version of the format that this release cannot read | the same, for a newer worker |
/// | failed | into the retry topic of the next delay of the [`RetryPolicy`](crate::RetryPolicy) |
/// | failed at the last attempt, or its workers vanished too often | into the dead letters |
/// | is no event, or cannot be read at all | into the dead letters, as it came |
///
/// The partitions of a worker that vanishes go to another one. The worker survives restarts of the brokers.
#[derive(Debug)]
pub struct KafkaWorker {
    options: Arc<KafkaOptions>,
    publisher: Arc<Publisher>,
    observer: Observer,
}

impl KafkaWorker {
    /// Connects to the brokers, creates the topics that do not exist, and checks the others.
    ///
    /// # Errors
    ///
    /// [`KafkaError`]: no broker can be reached, or a topic would lose entries.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &KafkaOptions) -> Result<Self, KafkaError> {
        let largest = options.check().await?;
        let publisher = Arc::new(Publisher::new(options, Limit::of_copies(largest))?);
        Ok(Self {
            options: Arc::new(options.clone()),
            publisher,
            observer: Observer::of(&options.topic),
        })
    }

    /// Sets the function that is told of retries, dead letters and failures of the brokers.
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
    /// If you drop the future, entries that were in flight are delivered again.
    pub async fn run<H, F, T, E>(&self, once: &Once, handler: H, stop: impl Future<Output = ()>)
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let handler = Handler::new(once, handler);
        let mut stop = std::pin::pin!(stop);
        loop {
            let session = self.session(handler.clone(), stop.as_mut());
            let Err(error) = session.await else { break };
            self.observer.failed(&error);
            tokio::select! {
                () = &mut stop => break,
                () = sleep(PAUSE) => {}
            }
        }
        once.wait_idle().await;
    }

    /// One consumer, from its beginning until the worker stops, or the consumer has ended for good.
    async fn session(
        &self,
        handler: Handler,
        stop: impl Future<Output = ()>,
    ) -> Result<(), KafkaError> {
        let (stopping, is_stopping) = watch::channel(false);
        let (sender, receiver) = events();
        let handling = Handling {
            handler,
            options: Arc::clone(&self.options),
            observer: self.observer.begin(),
            publisher: Arc::clone(&self.publisher),
            partitions: Partitions::default(),
            events: sender,
            refusals: Arc::new(SharedPause::default()),
            stopping: is_stopping,
        };
        let mut taking = Taking::new(handling, receiver)?;
        let ended = tokio::select! {
            () = stop => Ok(()),
            error = taking.take() => Err(error),
        };
        let _ = stopping.send_replace(true);
        taking.finish().await;
        ended
    }
}

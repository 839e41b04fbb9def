use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::handling::Handling;
use super::link::Link;
use super::publisher::Session;
use super::taken::Taken;
use super::{RabbitMqError, RabbitMqOptions};
use crate::WorkerIncident;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::places::Places;

const CONSUMER: &str = "worker";
/// Before the next consumer, if one could not be created although there is a connection.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the observer is told that there is still no connection, and why.
const AGAIN: Duration = Duration::from_secs(5);

/// The worker's half: takes entries from the queue, and runs a handler once for each.
///
/// | the entry | goes |
/// | --- | --- |
/// | is done, now or before | away: it is acknowledged |
/// | is in flight elsewhere, or the store failed | into a retry queue; that is no attempt |
/// | has a version of the format that this release cannot read | the same, for a newer worker |
/// | failed | into the retry queue of the next delay of the [`RetryPolicy`](crate::RetryPolicy) |
/// | failed at the last attempt, or its workers vanished too often | into the dead letters |
/// | is no event, or cannot be read at all | into the dead letters, as it came |
///
/// An entry whose worker vanishes is delivered again by the broker. The worker survives restarts of the
/// broker.
#[derive(Debug)]
pub struct RabbitMqWorker {
    options: RabbitMqOptions,
    link: Link,
    /// Another connection. While its memory or disk is nearly full, the broker reads nothing from a
    /// connection that publishes. On the same connection, it would not read the acknowledgements that
    /// empty its queues.
    publisher: Arc<Link>,
    observer: Observer,
}

impl RabbitMqWorker {
    /// Connects to the broker, with two connections, and declares the queues.
    ///
    /// # Errors
    ///
    /// [`RabbitMqError`]: the broker cannot be reached, or has one of the queues with other arguments.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &RabbitMqOptions) -> Result<Self, RabbitMqError> {
        let link = Link::connect(options).await?;
        let publisher = Arc::new(Link::connect(options).await?);
        Ok(Self {
            link,
            publisher,
            options: options.clone(),
            observer: Observer::of(&options.name),
        })
    }

    /// Sets the function that is told of retries, dead letters and failures of the broker.
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
    /// If you drop the future, handlers continue, and the broker delivers their entries again.
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
            publisher: Arc::clone(&self.publisher),
            refusals: Arc::default(),
            stopping: is_stopping,
            permits: Arc::new(Semaphore::new(self.options.concurrency.into())),
            places: Arc::new(Places::new(self.options.concurrency)),
        };
        let mut tasks = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let session = tokio::select! {
                () = &mut stop => break,
                session = self.session() => session,
            };
            let taking = self.take(&session, &handling, &mut tasks);
            let failed = tokio::select! {
                () = &mut stop => break,
                taken = taking => taken.err(),
            };
            let error = failed.unwrap_or_else(|| {
                RabbitMqError::Broker("the broker has cancelled the consumer".to_owned())
            });
            self.observer.failed(&error);
            tokio::select! {
                () = &mut stop => break,
                () = sleep(PAUSE) => {}
            }
        }
        let _ = stopping.send_replace(true);
        while tasks.join_next().await.is_some() {}
        once.wait_idle().await;
    }

    /// Waits for a session, and tells the observer again and again why there is none. It may be another reason than
    /// at first: a password that somebody has changed, for example.
    async fn session(&self) -> Arc<Session> {
        loop {
            if let Ok(session) = timeout(AGAIN, self.link.wait()).await {
                return session;
            }
            if let Err(error) = self.link.session() {
                self.observer.failed(&error);
            }
        }
    }

    /// Takes entries until the channel ends. When the future is dropped, the consumer is cancelled.
    async fn take(
        &self,
        session: &Session,
        handling: &Handling,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), RabbitMqError> {
        // Somebody may have deleted a queue since the connection was opened.
        self.options.declare(&session.connection).await?;
        let channel = session.connection.create_channel().await?;
        let mut consumer = self.consumer(&channel).await?;
        while let Some(delivery) = consumer.next().await {
            while tasks.try_join_next().is_some() {}
            let (channel, limit) = (channel.clone(), self.options.timeout);
            let taken = Taken { delivery: delivery?, channel, limit };
            tasks.spawn(handling.clone().handle(taken));
        }
        Ok(())
    }

    async fn consumer(&self, channel: &Channel) -> Result<Consumer, RabbitMqError> {
        channel.basic_qos(self.options.concurrency, BasicQosOptions::default()).await?;
        let (queue, options) = (self.options.name.as_str(), BasicConsumeOptions::default());
        let consumer =
            channel.basic_consume(queue.into(), CONSUMER.into(), options, FieldTable::default());
        Ok(consumer.await?)
    }
}

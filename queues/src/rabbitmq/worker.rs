use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::happened::{Observer, RabbitMqHappened};
use super::link::Link;
use super::publisher::Session;
use super::taken::{Fate, Taken};
use super::{RabbitMqError, RabbitMqOptions};

const CONSUMER: &str = "worker";
/// Before the next consumer, if one could not be created although there is a connection.
const PAUSE: Duration = Duration::from_secs(1);

/// The worker's half: takes entries from the queue, and runs a handler once for each.
///
/// | the entry | goes |
/// | --- | --- |
/// | is done, now or before | away: it is acknowledged |
/// | is in flight elsewhere, or the store failed | into a retry queue; that is no attempt |
/// | failed | into the retry queue of the next delay of the [`RetryPolicy`](crate::RetryPolicy) |
/// | failed at the last attempt, or its workers vanished too often | into the dead letters |
/// | is no event, or cannot be read | into the dead letters, as it came |
///
/// An entry whose worker vanishes is delivered again by the broker. The worker survives restarts of the
/// broker.
#[derive(Debug)]
pub struct RabbitMqWorker {
    options: RabbitMqOptions,
    link: Link,
    observer: Observer,
}

impl RabbitMqWorker {
    /// Connects to the broker, and declares the queues.
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
        Ok(Self { link, options: options.clone(), observer: Observer::default() })
    }

    /// Sets the function that is told of retries, dead letters and failures of the broker.
    #[must_use]
    pub fn observer(
        mut self,
        observer: impl Fn(&RabbitMqHappened<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Observer(Arc::new(observer));
        self
    }

    /// Handles entries until `stop` completes. Then it takes no more, and returns when those in hand are
    /// done: wrap it in a timeout if your platform does not kill the process.
    ///
    /// If you drop the future, handlers continue, and the broker delivers their entries again.
    pub async fn run<H, F, T, E>(&self, once: &Once, handler: H, stop: impl Future<Output = ()>)
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let handling = Handling {
            once: once.clone(),
            handler,
            options: Arc::new(self.options.clone()),
            observer: self.observer.clone(),
            permits: Arc::new(Semaphore::new(self.options.concurrency.into())),
        };
        let mut tasks = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let session = tokio::select! {
                () = &mut stop => break,
                session = self.link.wait() => session,
            };
            let taking = self.take(&session, &handling, &mut tasks);
            let failed = tokio::select! {
                () = &mut stop => break,
                taken = taking => taken.err(),
            };
            let error = failed.unwrap_or_else(|| {
                RabbitMqError::Broker("the broker has cancelled the consumer".to_owned())
            });
            (self.observer.0)(&RabbitMqHappened::BrokerFailed { error: &error });
            tokio::select! {
                () = &mut stop => break,
                () = sleep(PAUSE) => {}
            }
        }
        while tasks.join_next().await.is_some() {}
        once.wait_idle().await;
    }

    /// Takes entries until the channel ends. When the future is dropped, the consumer is cancelled.
    async fn take<H, F, T, E>(
        &self,
        session: &Arc<Session>,
        handling: &Handling<H>,
        tasks: &mut JoinSet<()>,
    ) -> Result<(), RabbitMqError>
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        // Somebody may have deleted a queue since the connection was opened.
        self.options.declare(&session.connection).await?;
        let channel = session.connection.create_channel().await?;
        let mut consumer = self.consumer(&channel).await?;
        while let Some(delivery) = consumer.next().await {
            while tasks.try_join_next().is_some() {}
            let session = Arc::clone(session);
            let taken = Taken { delivery: delivery?, _channel: channel.clone(), session };
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

/// What a task needs for an entry.
#[derive(Clone)]
struct Handling<H> {
    once: Once,
    handler: H,
    options: Arc<RabbitMqOptions>,
    observer: Observer,
    /// Entries of a connection that has ended may still be in flight, so the prefetch count alone does
    /// not limit the concurrency.
    permits: Arc<Semaphore>,
}

impl<H> Handling<H> {
    async fn handle<F, T, E>(self, taken: Taken)
    where
        H: Fn(Envelope, ClaimHandle) -> F + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let permit = self.permits.acquire().await;
        let observe = &self.observer.0;
        let (fate, envelope, outcome) = match taken.envelope() {
            envelope if taken.is_killer(&self.options) => {
                (Fate::DeadLetter, envelope, "worker_vanished")
            }
            Some(envelope) if envelope.is_readable() => {
                let handled = self.once.event(&envelope, self.handler).await;
                let fate = Fate::of(&handled, taken.attempts(), &self.options);
                (fate, Some(envelope), handled.as_str())
            }
            envelope => (Fate::DeadLetter, envelope, "not_an_event"),
        };
        tell(observe.as_ref(), &fate, envelope.as_ref(), outcome);
        if let Err(error) = taken.meet(fate, &self.options).await {
            observe(&RabbitMqHappened::BrokerFailed { error: &error });
            // Not at once: what has failed may be what all entries need, such as a retry queue.
            sleep(PAUSE).await;
            taken.give_back().await;
        }
        drop(permit);
    }
}

fn tell(
    observe: &dyn Fn(&RabbitMqHappened<'_>),
    fate: &Fate,
    envelope: Option<&Envelope>,
    outcome: &'static str,
) {
    let event = envelope.map_or("", |envelope| envelope.id().as_str());
    match *fate {
        Fate::Done => {}
        Fate::Retry { delay, attempts } => {
            observe(&RabbitMqHappened::Retry { event, outcome, attempts, delay });
        }
        Fate::DeadLetter => observe(&RabbitMqHappened::DeadLetter { event, reason: outcome }),
    }
}

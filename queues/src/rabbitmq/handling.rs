//! The way of one entry through a worker.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, EnvelopeError, Handled, Once};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::happened::{Observer, RabbitMqHappened};
use super::link::Link;
use super::pause::{FIRST_PAUSE, LONGEST_PAUSE, SharedPause};
use super::taken::{Fate, Taken};
use super::{RabbitMqError, RabbitMqOptions};

/// Everything that the task of an entry needs.
#[derive(Clone)]
pub(super) struct Handling<H> {
    pub(super) once: Once,
    pub(super) handler: H,
    pub(super) options: Arc<RabbitMqOptions>,
    pub(super) observer: Observer,
    pub(super) publisher: Arc<Link>,
    /// While the store of `once` fails.
    pub(super) refusals: Arc<SharedPause>,
    /// Whether the worker has been told to stop.
    pub(super) stopping: watch::Receiver<bool>,
    /// Entries of a connection that has ended may still be in flight, so the prefetch count alone does
    /// not limit the concurrency.
    pub(super) permits: Arc<Semaphore>,
}

/// An entry with the outcome, and the fate that follows from it.
struct Met {
    fate: Fate,
    envelope: Option<Envelope>,
    outcome: &'static str,
}

impl<H> Handling<H> {
    pub(super) async fn handle<F, T, E>(self, taken: Taken)
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let permit = self.permits.acquire().await;
        let Met { fate, envelope, outcome } = self.meet(&taken).await;
        match self.carry_out(&taken, &fate).await {
            Ok(true) => self.tell(&fate, envelope.as_ref(), outcome),
            Ok(false) => {}
            Err(error) => self.failed(&error),
        }
        drop(permit);
    }

    /// Runs the handler, if the entry is for it.
    async fn meet<F, T, E>(&self, taken: &Taken) -> Met
    where
        H: Fn(Envelope, ClaimHandle) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Display + Send + 'static,
    {
        let (options, attempts) = (&self.options, taken.attempts());
        let dead = |envelope, outcome| Met { fate: Fate::DeadLetter, envelope, outcome };
        match taken.envelope() {
            envelope if taken.is_killer(options) => dead(envelope.ok(), "worker_vanished"),
            Ok(envelope) if envelope.is_readable() => {
                let handled = self.once.event(&envelope, self.handler.clone()).await;
                if let Handled::Refused(_) = handled {
                    // The entry keeps its permit, so no more are taken. Otherwise an outage of the store
                    // would send all entries round the retry queues.
                    self.stops_within(self.refusals.next()).await;
                } else {
                    self.refusals.reset();
                }
                let fate = Fate::of(&handled, attempts, options);
                Met { fate, envelope: Some(envelope), outcome: handled.as_str() }
            }
            Ok(envelope) => dead(Some(envelope), "not_an_event"),
            Err(EnvelopeError::UnknownVersion { .. }) => {
                // A newer worker can read it.
                let fate = Fate::not_counted(attempts, options);
                Met { fate, envelope: None, outcome: "unknown_version" }
            }
            Err(_) => dead(None, "unreadable"),
        }
    }

    /// Returns whether it is carried out. Otherwise the broker delivers the entry again.
    async fn carry_out(&self, taken: &Taken, fate: &Fate) -> Result<bool, RabbitMqError> {
        match *fate {
            Fate::Done => taken.acknowledge().await?,
            Fate::Retry { delay, attempts } => {
                // Before the acknowledgement: a crash in between leaves two copies, and not none.
                if !self.publish_again(taken, delay, attempts).await {
                    if taken.is_held() {
                        taken.give_back().await?;
                    }
                    return Ok(false);
                }
                taken.acknowledge().await?;
            }
            Fate::DeadLetter => taken.reject().await?,
        }
        Ok(true)
    }

    /// Publishes the entry into a retry queue, however often it takes: its handler would run again at once
    /// if the entry were given back. Returns whether it is there. It is not if the worker stops or the
    /// channel ends in the meantime.
    async fn publish_again(&self, taken: &Taken, delay: Duration, attempts: u32) -> bool {
        let (queue, body) = (self.options.retry_queue(delay), &taken.delivery.data);
        let mut pause = FIRST_PAUSE;
        loop {
            let properties = taken.again(attempts);
            let published = self.publisher.publish(&self.options, &queue, properties, body).await;
            let Err(error) = published else { return true };
            self.failed(&error);
            if self.stops_within(pause).await || !taken.is_held() {
                return false;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits for this time, or until the worker is told to stop. Returns whether it is told to.
    async fn stops_within(&self, pause: Duration) -> bool {
        let mut stopping = self.stopping.clone();
        timeout(pause, stopping.wait_for(|is_stopping| *is_stopping)).await.is_ok()
    }

    fn failed(&self, error: &RabbitMqError) {
        self.observer.tell(&RabbitMqHappened::BrokerFailed { error });
    }

    fn tell(&self, fate: &Fate, envelope: Option<&Envelope>, outcome: &'static str) {
        let event = envelope.map_or("", |envelope| envelope.id().as_str());
        match *fate {
            Fate::Done => {}
            Fate::Retry { delay, attempts } => {
                self.observer.tell(&RabbitMqHappened::Retry { event, outcome, attempts, delay });
            }
            Fate::DeadLetter => {
                self.observer.tell(&RabbitMqHappened::DeadLetter { event, reason: outcome });
            }
        }
    }
}

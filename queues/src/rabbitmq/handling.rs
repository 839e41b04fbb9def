//! The way of one entry through a worker.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::happened::{Observer, RabbitMqHappened};
use super::link::Link;
use super::taken::{Fate, Taken};
use super::{RabbitMqError, RabbitMqOptions};

/// Before an entry is published again that no retry queue has taken.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What a task needs for an entry.
#[derive(Clone)]
pub(super) struct Handling<H> {
    pub(super) once: Once,
    pub(super) handler: H,
    pub(super) options: Arc<RabbitMqOptions>,
    pub(super) observer: Observer,
    pub(super) publisher: Arc<Link>,
    /// Whether the worker has been told to stop.
    pub(super) stopping: watch::Receiver<bool>,
    /// Entries of a connection that has ended may still be in flight, so the prefetch count alone does
    /// not limit the concurrency.
    pub(super) permits: Arc<Semaphore>,
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
        let (fate, envelope, outcome) = match taken.envelope() {
            envelope if taken.is_killer(&self.options) => {
                (Fate::DeadLetter, envelope, "worker_vanished")
            }
            Some(envelope) if envelope.is_readable() => {
                let handled = self.once.event(&envelope, self.handler.clone()).await;
                let fate = Fate::of(&handled, taken.attempts(), &self.options);
                (fate, Some(envelope), handled.as_str())
            }
            envelope => (Fate::DeadLetter, envelope, "not_an_event"),
        };
        match self.meet(&taken, &fate).await {
            Ok(true) => self.tell(&fate, envelope.as_ref(), outcome),
            Ok(false) => {}
            Err(error) => self.failed(&error),
        }
        drop(permit);
    }

    /// Returns whether the entry has met its fate. Otherwise the broker delivers it again.
    async fn meet(&self, taken: &Taken, fate: &Fate) -> Result<bool, RabbitMqError> {
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

    /// Waits for this time, or until the worker is told to stop, and returns whether it is.
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

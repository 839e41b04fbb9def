//! The way of one entry through a worker.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;

use super::link::Link;
use super::taken::Taken;
use super::{RabbitMqError, RabbitMqOptions};
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::{FIRST_PAUSE, LONGEST_PAUSE, SharedPause};
use crate::places::Places;
use crate::verdict::Verdict;

/// Everything that the task of an entry needs.
#[derive(Clone)]
pub(super) struct Handling {
    pub(super) handler: Handler,
    pub(super) options: Arc<RabbitMqOptions>,
    pub(super) observer: Observer,
    pub(super) publisher: Arc<Link>,
    /// While the store of `Once` fails.
    pub(super) refusals: Arc<SharedPause>,
    /// Whether the worker has been told to stop.
    pub(super) stopping: watch::Receiver<bool>,
    /// Entries of a connection that has ended may still be in flight, so the prefetch count alone does
    /// not limit the concurrency.
    pub(super) permits: Arc<Semaphore>,
    pub(super) places: Arc<Places>,
}

impl Handling {
    pub(super) async fn handle(self, taken: Taken) {
        let Some((permit, place)) = self.turn(&taken).await else { return };
        let (content, attempts) = (taken.content(&self.options), taken.attempts());
        let verdict = Verdict::on(&content, attempts, &self.handler, &self.options.retry).await;
        drop(place);
        if verdict.is_refused() {
            // The entry keeps its permit, so no more are taken. Otherwise an outage of the store would
            // send all entries round the retry queues.
            self.stops_within(self.refusals.next()).await;
        } else {
            self.refusals.reset();
        }
        let verdict = self.options.in_a_retry_queue(verdict);
        let event = content.envelope().map_or("", |envelope| envelope.id().as_str());
        match self.carry_out(&taken, &verdict).await {
            Ok(true) => self.observer.settled(event, &verdict),
            Ok(false) => {}
            Err(error) => self.observer.failed(&error),
        }
        drop(permit);
    }

    /// Waits until the entry may be begun. `None` if the worker stops in the meantime, or if the broker has taken
    /// the entry back: another worker may have it.
    async fn turn(&self, taken: &Taken) -> Option<(SemaphorePermit<'_>, SemaphorePermit<'_>)> {
        let turn = async {
            let permit = self.permits.acquire().await.ok()?;
            let limit = self.options.delivery_limit;
            Some((permit, self.places.take(taken.vanished(), limit).await.ok()?))
        };
        let turn = tokio::select! {
            biased;
            () = self.stops() => None,
            turn = turn => turn,
        };
        if !taken.is_held() {
            return None;
        }
        if turn.is_none()
            && let Err(error) = taken.give_back().await
        {
            self.observer.failed(&error);
        }
        turn
    }

    /// Returns whether it is carried out. Otherwise the broker delivers the entry again.
    async fn carry_out(&self, taken: &Taken, verdict: &Verdict) -> Result<bool, RabbitMqError> {
        match *verdict {
            Verdict::Done => taken.acknowledge().await?,
            Verdict::Retry { delay, attempts, .. } => {
                // Before the acknowledgement: a crash in between leaves two copies, and not none.
                if !self.publish_again(taken, delay, attempts).await {
                    if taken.is_held() {
                        taken.give_back().await?;
                    }
                    return Ok(false);
                }
                taken.acknowledge().await?;
            }
            Verdict::Dead { .. } => taken.reject().await?,
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
            self.observer.failed(&error);
            if self.stops_within(pause).await || !taken.is_held() {
                return false;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits for this time, or until the worker is told to stop. Returns whether it is told to.
    async fn stops_within(&self, pause: Duration) -> bool {
        timeout(pause, self.stops()).await.is_ok()
    }

    /// Waits until the worker is told to stop.
    async fn stops(&self) {
        let _ = self.stopping.clone().wait_for(|is_stopping| *is_stopping).await;
    }
}

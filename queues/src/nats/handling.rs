//! The way of one entry through a worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;

use super::taken::Taken;
use super::{NatsError, NatsOptions};
use crate::content::Content;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::SharedPause;
use crate::places::Places;
use crate::verdict::Verdict;

/// Before an entry is delivered again that could not be made a dead letter.
const NO_DEAD_LETTER: Duration = Duration::from_secs(30);
/// How many entries a worker keeps that a stream does not take. More would fill its memory.
pub(super) const ASIDE: usize = 256;

/// Everything that the task of an entry needs.
#[derive(Clone)]
pub(super) struct Handling {
    pub(super) handler: Handler,
    pub(super) options: Arc<NatsOptions>,
    pub(super) observer: Observer,
    /// While the store of `Once` fails.
    pub(super) refusals: Arc<SharedPause>,
    /// Whether the worker has been told to stop.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) places: Arc<Places>,
    /// Room for entries that a stream does not take at the moment.
    pub(super) aside: Arc<Semaphore>,
}

impl Handling {
    /// The permit is held until the entry has gone its way, or is put aside.
    pub(super) async fn handle(self, taken: Taken, permit: OwnedSemaphorePermit) {
        if let Some(rest) = taken.waits() {
            if let Err(error) = taken.give_back(rest).await {
                self.observer.failed(&error);
            }
            return;
        }
        tokio::select! {
            () = self.settle(&taken, permit) => {}
            never = taken.keep(self.options.ack_wait) => match never {},
        }
    }

    async fn settle(&self, taken: &Taken, permit: OwnedSemaphorePermit) {
        let content = taken.content(&self.options);
        let sequence = taken.sequence.to_string();
        let event = content.envelope().map_or(sequence.as_str(), |entry| entry.id().as_str());
        let Some(verdict) = self.verdict(taken, &content, event).await else {
            taken.leave(&self.options).await;
            return;
        };
        match self.carry_out(taken, &verdict, permit).await {
            Ok(()) => self.observer.settled(event, &verdict),
            Err(error) => self.observer.failed(&error),
        }
    }

    /// While the store fails, the entry stays here, and keeps its permit: so no more are taken. If the worker
    /// is told to stop in the meantime, the entry waits in the stream. `None` if the worker is told to stop while
    /// the entry waits for its place.
    async fn verdict(&self, taken: &Taken, content: &Content, event: &str) -> Option<Verdict> {
        loop {
            let place = self.place(taken).await?;
            let (attempts, policy) = (taken.attempts(), &self.options.retry);
            let verdict = Verdict::on(content, attempts, &self.handler, policy).await;
            drop(place);
            if !verdict.is_refused() {
                self.refusals.reset();
                return Some(verdict);
            }
            let delay = self.refusals.next();
            let verdict = verdict.with_delay(|_| delay);
            self.observer.settled(event, &verdict);
            if self.stops_within(delay).await {
                return Some(verdict);
            }
        }
    }

    async fn place(&self, taken: &Taken) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.stops() => None,
            place = self.places.take(taken.vanished(), self.options.delivery_limit) => place.ok(),
        }
    }

    /// While a stream refuses the entry, because it is full for example, the entry stays here: each time that
    /// the server delivers it again counts as a worker that has vanished. The entry gives up its permit,
    /// because a full stream gets room when others are handled.
    ///
    /// Without a place for it, the entry keeps its permit for the delay. Then the server delivers it again, and
    /// others have their turn.
    async fn carry_out(
        &self,
        taken: &Taken,
        verdict: &Verdict,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), NatsError> {
        let delay = match *verdict {
            Verdict::Done => return taken.acknowledge().await,
            Verdict::Retry { delay, .. } => delay,
            Verdict::Dead { .. } => NO_DEAD_LETTER,
        };
        let (begun, pauses) = (Instant::now(), SharedPause::default());
        let (mut permit, mut place) = (Some(permit), None);
        loop {
            let rest = delay.saturating_sub(begun.elapsed());
            let Err(error) = self.published(taken, verdict, rest).await else {
                return taken.acknowledge_moved().await;
            };
            place = place.or_else(|| Arc::clone(&self.aside).try_acquire_owned().ok());
            permit = permit.filter(|_| place.is_none());
            let is_over = permit.is_some() && rest.is_zero();
            if is_over || !error.is_refusal() || *self.stopping.borrow() {
                taken.give_back_after(&error, rest).await;
                return Err(error);
            }
            self.observer.failed(&error);
            self.stops_within(pauses.next()).await;
        }
    }

    /// Publishes the copy of the entry once. For another attempt, it is due after the rest of its delay.
    async fn published(
        &self,
        taken: &Taken,
        verdict: &Verdict,
        rest: Duration,
    ) -> Result<(), NatsError> {
        match *verdict {
            Verdict::Done => Ok(()),
            Verdict::Retry { attempts, .. } => {
                taken.publish_again(&self.options, attempts, rest).await
            }
            Verdict::Dead { reason, attempts, .. } => {
                taken.publish_dead(&self.options, reason, attempts).await
            }
        }
    }

    /// Waits for this time, or until the worker is told to stop. Returns whether it is told to.
    pub(super) async fn stops_within(&self, pause: Duration) -> bool {
        timeout(pause, self.stops()).await.is_ok()
    }

    /// Waits until the worker is told to stop.
    pub(super) async fn stops(&self) {
        let _ = self.stopping.clone().wait_for(|is_stopping| *is_stopping).await;
    }
}

//! The way of one entry through a worker.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use super::taken::Taken;
use super::{NatsError, NatsOptions};
use crate::content::Content;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::SharedPause;
use crate::verdict::Verdict;

/// Before an entry is delivered again that could not be made a dead letter.
const NO_DEAD_LETTER: Duration = Duration::from_secs(30);

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
}

impl Handling {
    /// The permit is held until the entry has gone its way.
    pub(super) async fn handle(self, taken: Taken, _permit: OwnedSemaphorePermit) {
        if let Some(rest) = taken.waits() {
            if let Err(error) = taken.give_back(rest).await {
                self.observer.failed(&error);
            }
            return;
        }
        tokio::select! {
            () = self.settle(&taken) => {}
            never = taken.keep(self.options.ack_wait) => match never {},
        }
    }

    async fn settle(&self, taken: &Taken) {
        let content = taken.content(&self.options);
        let sequence = taken.sequence.to_string();
        let event = content.envelope().map_or(sequence.as_str(), |entry| entry.id().as_str());
        let verdict = self.verdict(taken, &content, event).await;
        match self.carry_out(taken, &verdict).await {
            Ok(()) => self.observer.settled(event, &verdict),
            Err(error) => self.observer.failed(&error),
        }
    }

    /// While the store fails, the entry stays here, and keeps its permit: so no more are taken. If the worker
    /// is told to stop in the meantime, the entry waits in the stream.
    async fn verdict(&self, taken: &Taken, content: &Content, event: &str) -> Verdict {
        loop {
            let (attempts, policy) = (taken.attempts(), &self.options.retry);
            let verdict = Verdict::on(content, attempts, &self.handler, policy).await;
            if !verdict.is_refused() {
                self.refusals.reset();
                return verdict;
            }
            let delay = self.refusals.next();
            self.observer.settled(event, &Verdict::Retry { outcome: "refused", attempts, delay });
            if self.stops_within(delay).await {
                return verdict;
            }
        }
    }

    /// If the entry cannot be moved, the server delivers it again after the same delay. That needs no room in
    /// a stream, which may be full.
    async fn carry_out(&self, taken: &Taken, verdict: &Verdict) -> Result<(), NatsError> {
        let (moved, delay) = match *verdict {
            Verdict::Done => return taken.acknowledge().await,
            Verdict::Retry { delay, attempts, .. } => {
                (taken.move_again(&self.options, attempts, delay).await, delay)
            }
            Verdict::Dead { reason, attempts } => {
                (taken.move_to_dead(&self.options, reason, attempts).await, NO_DEAD_LETTER)
            }
        };
        if moved.is_err() {
            // Without it, the server delivers the entry after the `ack_wait`.
            let _ = taken.give_back(delay).await;
        }
        moved
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

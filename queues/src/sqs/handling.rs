//! The way of one entry through a worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{sleep, timeout};

use super::api::{Outgoing, seconds};
use super::check::Queues;
use super::link::Link;
use super::options::LONGEST_VISIBILITY;
use super::taken::Taken;
use super::{SqsError, SqsOptions};
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::{FIRST_PAUSE, LONGEST_PAUSE, SharedPause};
use crate::verdict::Verdict;

/// Everything that the task of an entry needs.
#[derive(Clone)]
pub(super) struct Handling {
    pub(super) handler: Handler,
    pub(super) options: Arc<SqsOptions>,
    pub(super) observer: Observer,
    pub(super) link: Arc<Link>,
    /// While the store of `Once` fails.
    pub(super) refusals: Arc<SharedPause>,
    /// Whether the worker has been told to stop.
    pub(super) stopping: watch::Receiver<bool>,
}

/// What remains to be done with an entry.
#[derive(Clone, Copy)]
enum Step<'a> {
    /// Send what takes its place.
    Send(&'a Verdict),
    Delete,
}

/// The wait of a dead letter that is too large for the state that the worker adds. SQS moves it by itself
/// after some receptions.
const TOO_LARGE: Duration = Duration::from_secs(30);

impl Handling {
    pub(super) async fn handle(self, taken: Taken, permit: OwnedSemaphorePermit) {
        tokio::select! {
            () = self.work(&taken) => {}
            () = self.keep(&taken) => {}
        }
        drop(permit);
    }

    /// Keeps the message invisible. Otherwise another worker would receive it while the handler runs.
    async fn keep(&self, taken: &Taken) {
        let visibility = self.options.visibility;
        loop {
            sleep(visibility / 3).await;
            let begun = Instant::now();
            match self.hide(taken, visibility).await {
                Ok(()) => taken.held(begun, visibility),
                Err(error) => self.observer.failed(&error),
            }
        }
    }

    async fn work(&self, taken: &Taken) {
        if let Some(rest) = taken.not_yet() {
            if let Err(error) = self.hide(taken, rest.min(LONGEST_VISIBILITY)).await {
                self.observer.failed(&error);
            }
            return;
        }
        let content = taken.content(self.link.queues().receptions);
        let policy = &self.options.retry;
        let verdict = Verdict::on(&content, taken.attempts(), &self.handler, policy).await;
        if verdict.is_refused() {
            // The entry keeps its permit, so no more are taken. Otherwise an outage of the store would send
            // a copy of each entry of the queue.
            self.stops_within(self.refusals.next()).await;
        } else {
            self.refusals.reset();
        }
        let verdict = in_whole_seconds(verdict);
        let event = content.envelope().map_or(&*taken.id, |envelope| envelope.id().as_str());
        if self.carry_out(taken, &verdict).await {
            self.observer.settled(event, &verdict);
        }
    }

    /// Returns whether it is carried out. Otherwise SQS delivers the message again.
    async fn carry_out(&self, taken: &Taken, verdict: &Verdict) -> bool {
        // Before the first message is deleted: a crash in between leaves two copies, and not none.
        if *verdict != Verdict::Done && !self.send(taken, verdict).await {
            return false;
        }
        self.insist(taken, Step::Delete).await
    }

    /// Sends what takes the place of the message.
    async fn send(&self, taken: &Taken, verdict: &Verdict) -> bool {
        let (size, limit) = {
            let queues = self.link.queues();
            (self.outgoing(taken, verdict, &queues).1.size(), queues.largest)
        };
        if size > limit {
            return self.leave(taken, verdict, SqsError::TooLarge { size, limit }).await;
        }
        self.insist(taken, Step::Send(verdict)).await
    }

    async fn step(&self, taken: &Taken, step: Step<'_>) -> Result<(), SqsError> {
        let queues = self.link.queues();
        match step {
            Step::Send(verdict) => {
                let (url, message) = self.outgoing(taken, verdict, &queues);
                self.link.api.send(url, message).await
            }
            Step::Delete => self.link.api.delete(&queues.url, &taken.handle).await,
        }
    }

    fn outgoing<'a>(
        &self,
        taken: &'a Taken,
        verdict: &Verdict,
        queues: &'a Queues,
    ) -> (&'a str, Outgoing<'a>) {
        match *verdict {
            Verdict::Dead { reason, attempts } => {
                (&queues.dead_url, taken.dead(reason, attempts, queues.is_fifo))
            }
            Verdict::Retry { attempts, delay, .. } => {
                let group = self.options.group.as_ref();
                (&queues.url, taken.again(attempts, delay, queues.is_fifo, group))
            }
            // Nothing is sent.
            Verdict::Done => (&queues.url, taken.again(0, Duration::ZERO, false, None)),
        }
    }

    /// Another program has put it, or somebody has lowered the limit: no copy can be sent. It waits as it is
    /// until SQS makes a dead letter of it.
    async fn leave(&self, taken: &Taken, verdict: &Verdict, error: SqsError) -> bool {
        self.observer.failed(&error);
        let delay = if let Verdict::Retry { delay, .. } = *verdict { delay } else { TOO_LARGE };
        if let Err(error) = self.hide(taken, delay.min(LONGEST_VISIBILITY)).await {
            self.observer.failed(&error);
        }
        false
    }

    /// Does it, however often it takes: the handler would run again at once if the message were let go.
    /// Returns whether it is done. It is not if the worker stops, or another one may have the message.
    async fn insist(&self, taken: &Taken, step: Step<'_>) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.step(taken, step).await else { return true };
            self.observer.failed(&error);
            let is_lost = matches!(error, SqsError::NotHeld(_)) || !taken.is_held();
            if is_lost || self.stops_within(pause).await {
                return false;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn hide(&self, taken: &Taken, time: Duration) -> Result<(), SqsError> {
        self.link.api.hide(&self.link.queues().url, &taken.handle, time).await
    }

    /// Waits for this time, or until the worker is told to stop. Returns whether it is told to.
    async fn stops_within(&self, pause: Duration) -> bool {
        let mut stopping = self.stopping.clone();
        timeout(pause, stopping.wait_for(|is_stopping| *is_stopping)).await.is_ok()
    }
}

fn in_whole_seconds(verdict: Verdict) -> Verdict {
    let Verdict::Retry { outcome, attempts, delay } = verdict else { return verdict };
    let delay = Duration::from_secs(u64::try_from(seconds(delay)).unwrap_or_default());
    Verdict::Retry { outcome, attempts, delay }
}

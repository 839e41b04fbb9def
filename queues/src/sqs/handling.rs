//! The way of one entry through a worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit, watch};
use tokio::time::{sleep, timeout};

use super::api::{Outgoing, seconds};
use super::check::Queues;
use super::link::Link;
use super::taken::Taken;
use super::turns::Turn;
use super::{SqsError, SqsOptions};
use crate::content::Content;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::{FIRST_PAUSE, LONGEST_PAUSE, SharedPause};
use crate::places::Places;
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
    pub(super) places: Arc<Places>,
}

/// The longest that a message is hidden. SQS has 12 h, but counts them from the reception.
const LONGEST_HIDE: Duration = Duration::from_secs(11 * 60 * 60);

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
    pub(super) async fn handle(self, taken: Taken, permit: OwnedSemaphorePermit, mut turn: Turn) {
        let work = async {
            let has_waited = turn.comes().await;
            if has_waited && *self.stopping.borrow() {
                self.give_back(&taken).await;
            } else {
                self.work(&taken).await;
            }
        };
        tokio::select! {
            () = work => {}
            () = self.keep(&taken) => {}
        }
        drop((permit, turn));
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
            self.wait(taken, rest).await;
            return;
        }
        let Some(place) = self.place(taken).await else { return self.give_back(taken).await };
        let content = taken.content(self.link.queues().receptions);
        let policy = &self.options.retry;
        let verdict = Verdict::on(&content, taken.attempts(), &self.handler, policy).await;
        drop(place);
        if verdict.is_refused() {
            // The entry keeps its permit, so no more are taken. Otherwise an outage of the store would send
            // a copy of each entry of the queue.
            self.stops_within(self.refusals.next()).await;
        } else if matches!(content, Content::Event(_)) {
            // Others have not asked the store.
            self.refusals.reset();
        }
        let verdict = as_sqs_has_it(verdict, self.link.queues().is_fifo);
        let event = content.envelope().map_or(&*taken.id, |envelope| envelope.id().as_str());
        if self.carry_out(taken, &verdict).await {
            self.observer.settled(event, &verdict);
        }
    }

    /// Waits until the entry's handler may run. `None` if the worker stops in the meantime.
    async fn place(&self, taken: &Taken) -> Option<SemaphorePermit<'_>> {
        let (mut stopping, limit) = (self.stopping.clone(), self.link.queues().receptions);
        tokio::select! {
            biased;
            place = self.places.take(taken.vanished(), limit) => place.ok(),
            _ = stopping.wait_for(|is_stopping| *is_stopping) => None,
        }
    }

    /// Lets other workers have it now, and not only when it becomes visible.
    async fn give_back(&self, taken: &Taken) {
        if let Err(error) = self.hide(taken, Duration::ZERO).await {
            self.observer.failed(&error);
        }
    }

    /// Lets the entry wait on. A message that is hidden counts among the 120,000 that a queue has in flight at
    /// most, and then SQS delivers no others. One that is delayed does not. A FIFO queue delays none.
    async fn wait(&self, taken: &Taken, rest: Duration) {
        if self.link.queues().is_fifo {
            if let Err(error) = self.hide(taken, rest.min(LONGEST_HIDE)).await {
                self.observer.failed(&error);
            }
            return;
        }
        self.carry_out(taken, &Verdict::waits("waiting", taken.attempts(), rest)).await;
    }

    /// Returns whether it is carried out. Otherwise SQS delivers the message again.
    async fn carry_out(&self, taken: &Taken, verdict: &Verdict) -> bool {
        // Before the first message is deleted: a crash in between leaves two copies, and not none.
        let is_sent = *verdict != Verdict::Done;
        if is_sent && !self.insist(taken, Step::Send(verdict)).await {
            return false;
        }
        // A copy that is sent is sent, whatever becomes of the first message.
        self.insist(taken, Step::Delete).await || is_sent
    }

    async fn step(&self, taken: &Taken, step: Step<'_>) -> Result<(), SqsError> {
        let queues = self.link.queues();
        match step {
            Step::Send(verdict) => {
                let (url, message) = self.outgoing(taken, verdict, &queues);
                let is_dead = matches!(verdict, Verdict::Dead { .. });
                let limit = if is_dead { queues.dead_largest } else { queues.largest };
                let size = message.size();
                if size > limit {
                    return Err(SqsError::TooLarge { size, limit });
                }
                self.link.api.send_patiently(url, message).await
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
            Verdict::Dead { reason, attempts, .. } => {
                (&queues.dead_url, taken.dead(reason, attempts))
            }
            Verdict::Retry { attempts, delay, .. } => {
                let group = self.options.group.as_ref();
                (&queues.url, taken.again(attempts, delay, group))
            }
            // Nothing is sent.
            Verdict::Done => (&queues.url, taken.again(0, Duration::ZERO, None)),
        }
    }

    /// No copy can be sent, because another program has put the message, or somebody has lowered the limit. Or
    /// SQS has stored another text, and would do so each time. The message waits as it is until SQS makes a
    /// dead letter of it.
    async fn leave(&self, taken: &Taken, verdict: &Verdict) {
        let delay = if let Verdict::Retry { delay, .. } = *verdict { delay } else { TOO_LARGE };
        if let Err(error) = self.hide(taken, delay.min(LONGEST_HIDE)).await {
            self.observer.failed(&error);
        }
    }

    /// Does it, however often it takes: the handler would run again at once if the message were let go.
    /// Returns whether it is done. It is not if the worker stops, or another one may have the message.
    async fn insist(&self, taken: &Taken, step: Step<'_>) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.step(taken, step).await else { return true };
            self.observer.failed(&error);
            if let (Step::Send(verdict), SqsError::TooLarge { .. } | SqsError::OtherText) =
                (step, &error)
            {
                self.leave(taken, verdict).await;
                return false;
            }
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

/// A delay in whole seconds, and not longer than a message of a FIFO queue can be hidden.
fn as_sqs_has_it(verdict: Verdict, is_fifo: bool) -> Verdict {
    verdict.with_delay(|delay| {
        let delay = if is_fifo { delay.min(LONGEST_HIDE) } else { delay };
        Duration::from_secs(u64::try_from(seconds(delay)).unwrap_or_default())
    })
}

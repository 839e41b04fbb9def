//! The way of one entry through a worker.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, SemaphorePermit, watch};
use tokio::time::timeout;

use super::entries::{Entries, Key, Taken};
use crate::content::Content;
use crate::handler::Handler;
use crate::incident::Observer;
use crate::pause::{FIRST_PAUSE, LONGEST_PAUSE, SharedPause};
use crate::places::Places;
use crate::verdict::Verdict;

/// Everything that the task of an entry needs.
#[derive(Clone)]
pub(super) struct Handling {
    pub(super) entries: Arc<Entries>,
    pub(super) handler: Handler,
    pub(super) observer: Observer,
    /// While the store of `Once` fails.
    pub(super) refusals: Arc<SharedPause>,
    /// The entries whose leases are renewed. One may be here twice: it can be taken again before its last
    /// task has ended.
    pub(super) in_hand: Arc<Mutex<Vec<Key>>>,
    /// Whether the worker has been told to stop.
    pub(super) stopping: watch::Receiver<bool>,
    pub(super) places: Arc<Places>,
}

impl Handling {
    /// The entry is in hand from here on, also while its task waits to be run.
    pub(super) fn hold(&self, taken: &Taken) {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner).push(taken.key.clone());
    }

    fn put_down(&self, key: &Key) {
        let mut in_hand = self.in_hand.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = in_hand.iter().position(|other| other == key) {
            in_hand.swap_remove(index);
        }
    }

    pub(super) async fn handle(self, taken: Taken, permit: OwnedSemaphorePermit) {
        if let Some(content) = self.read(&taken).await {
            self.run(&taken, content).await;
        }
        self.put_down(&taken.key);
        drop(permit);
    }

    /// However often it takes. `None` if the worker does not have the entry any more, or stops in the
    /// meantime.
    async fn read(&self, taken: &Taken) -> Option<Content> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.entries.read(taken).await {
                Ok(content) => return content,
                Err(error) => self.observer.failed(&error),
            }
            if self.stops_within(pause).await {
                return None;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn run(&self, taken: &Taken, content: Content) {
        let Some(place) = self.place(taken).await else { return self.give_back(taken).await };
        let policy = &self.entries.options.retry;
        let verdict = Verdict::on(&content, taken.attempts, &self.handler, policy).await;
        drop(place);
        if verdict.is_refused() {
            // The entry keeps its permit, so no more are taken.
            self.stops_within(self.refusals.next()).await;
        } else {
            self.refusals.reset();
        }
        let event = content.envelope().map_or(&*taken.id, |envelope| envelope.id().as_str());
        if self.settle(&taken.key, &verdict).await {
            self.observer.settled(event, &verdict);
        }
    }

    /// Waits until the entry's handler may run. `None` if the worker stops in the meantime.
    async fn place(&self, taken: &Taken) -> Option<SemaphorePermit<'_>> {
        let mut stopping = self.stopping.clone();
        tokio::select! {
            biased;
            place = self.places.take(taken.vanished, self.entries.options.delivery_limit) => place.ok(),
            _ = stopping.wait_for(|is_stopping| *is_stopping) => None,
        }
    }

    /// Lets other workers have the entry now, and not only when its lease has expired.
    async fn give_back(&self, taken: &Taken) {
        let again = Verdict::waits("given_back", taken.attempts, Duration::ZERO);
        if let Err(error) = self.entries.settle(&taken.key, &again).await {
            self.observer.failed(&error);
        }
    }

    /// However often it takes: the handler would run again if the lease expired. Returns whether the
    /// server has it. If the worker stops in the meantime, the entry is taken again when the lease has
    /// expired.
    async fn settle(&self, key: &Key, verdict: &Verdict) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.entries.settle(key, verdict).await else { return true };
            self.observer.failed(&error);
            if self.stops_within(pause).await {
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
}

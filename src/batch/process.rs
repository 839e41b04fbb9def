use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::Instant;

use super::attempt::BatchAttempt;
use super::end::{End, Waiting};
use super::{Batch, BatchReport};
use crate::Event;
use crate::delivery::ClaimHandle;
use crate::metrics::event_age;
use crate::observe::Span;
#[cfg(feature = "queue")]
use crate::{Delivery, dedupe::Claimed};

impl Batch {
    /// Runs `handler` once for each event, for at most `concurrency` events at a time. A
    /// `concurrency` of 0 counts as 1.
    ///
    /// Each event is claimed by its own `id`, in the store and the scope of the
    /// [`DedupeLayer`](crate::DedupeLayer). Event ids and delivery ids are separate. An event that was
    /// completed before, in any batch, is skipped. An event that is in flight in another batch counts
    /// as not done. If the handler returns `Ok`, the event is completed. If it returns `Err` or
    /// panics, the event is released, and the other events continue.
    ///
    /// # Late events
    ///
    /// The report is ready at 95 % of the response deadline at the latest. Events that are running
    /// then continue in the background under their leases. Events that have not started then start in
    /// the background, at most `concurrency` at a time, until the
    /// [handler timeout](crate::DedupeOptions::handler_timeout). The report counts both as failures,
    /// so that the sender retries and learns how they ended. A retry may run events while events of
    /// an earlier attempt are still running in the background.
    ///
    /// # Details
    ///
    /// - An event that cannot be read is a failure in the report.
    /// - The report contains the text of an error as `{:#}` prints it.
    /// - If a batch contains an event twice, the second may find the first in flight. The retry then
    ///   finds it completed.
    /// - With [`DedupeKey::EventId`](crate::DedupeKey::EventId) the layer has already claimed an event
    ///   that is alone in its delivery. The event then ends with the delivery's handler, and a panic
    ///   is a panic of that handler.
    /// - A handler that blocks its thread delays the other events, and they may lose their leases. Use
    ///   `tokio::task::spawn_blocking` for blocking work.
    pub async fn process<T, F, E>(
        self,
        concurrency: usize,
        handler: impl Fn(Event<T>) -> F + Clone + Send + 'static,
    ) -> BatchReport
    where
        Event<T>: DeserializeOwned,
        F: Future<Output = Result<(), E>> + Send + 'static,
        T: 'static,
        E: Display + 'static,
    {
        self.process_claimed(concurrency, move |event, _| handler(event)).await
    }

    /// Does the same as [`Batch::process`], for handlers that take the claim of each event to complete
    /// it in their own transaction. See [`ClaimHandle`].
    pub async fn process_claimed<T, F, E>(
        self,
        concurrency: usize,
        handler: impl Fn(Event<T>, ClaimHandle) -> F + Clone + Send + 'static,
    ) -> BatchReport
    where
        Event<T>: DeserializeOwned,
        F: Future<Output = Result<(), E>> + Send + 'static,
        T: 'static,
        E: Display + 'static,
    {
        let received = self.delivery.verified().body_end();
        let attempt = BatchAttempt::new(self.delivery, self.claimed, concurrency);
        let reader = attempt.clone();
        // Each in its turn: a thousand events that are read at once would delay the first.
        let read = move |(position, event): (usize, Bytes)| {
            // Only the envelope is read before the claim. Otherwise a completed event whose data can no
            // longer be read would fail instead of being skipped.
            match Event::<IgnoredAny>::from_repaired(&event) {
                Ok(envelope) => Ok(Waiting::new(envelope, event)),
                Err(error) => Err(reader.unreadable(position, &error)),
            }
        };
        let events = self.events.into_iter().enumerate().map(read);
        let work =
            move |event: Bytes, claim| read_and_handle(event, claim, received, handler.clone());
        attempt.process(events, work).await
    }
}

/// Runs the work once for each event of a delivery, as [`Batch::process_claimed`] does.
#[cfg(feature = "queue")]
pub(crate) async fn process_each<I, F>(
    delivery: Delivery,
    claimed: Claimed,
    concurrency: usize,
    events: Vec<Waiting<I>>,
    work: impl Fn(I, ClaimHandle) -> F + Clone + Send + 'static,
) -> BatchReport
where
    I: Clone + Send + 'static,
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let attempt = BatchAttempt::new(delivery, claimed, concurrency);
    attempt.process(events.into_iter().map(Ok), work).await
}

impl BatchAttempt {
    /// Runs the work for each of the events, in their order, unless its end is known already.
    pub(super) async fn process<I, F>(
        self,
        events: impl Iterator<Item = Result<Waiting<I>, End<I>>> + Send,
        work: impl Fn(I, ClaimHandle) -> F + Clone + Send + 'static,
    ) -> BatchReport
    where
        I: Clone + Send + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let one = |(position, event)| {
            let (attempt, work) = (self.clone(), work.clone());
            async move {
                let end = match event {
                    Ok(waiting) => attempt.handle(waiting, work).await,
                    Err(end) => end,
                };
                (position, end)
            }
        };
        let events = stream::iter(events.enumerate()).map(one);
        let mut ends: Vec<_> = events.buffer_unordered(self.concurrency).collect().await;
        ends.sort_by_key(|(position, _)| *position);
        let report = BatchReport::of(&ends);
        self.continue_in_background(ends, work);
        report
    }

    async fn handle<I, F>(
        self,
        waiting: Waiting<I>,
        work: impl Fn(I, ClaimHandle) -> F + Send + 'static,
    ) -> End<I>
    where
        I: Send + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        if let Some((_permit, claim)) = self.claimed_event() {
            let Waiting { name, event_id, item, .. } = waiting;
            let result = work(item, claim).await;
            return self.ended_with_delivery(&name, event_id, result);
        }
        if Instant::now() >= self.report_by {
            self.deferred(&waiting);
            return End::Waiting(waiting);
        }
        let permit = Arc::clone(&self.event_permits).acquire_owned().await.ok();
        let of_delivery = self.permit();
        self.claim_and_handle(waiting, work, permit, of_delivery).await
    }

    /// Starts the events that still wait, in a task that holds the delivery's permit.
    fn continue_in_background<I, F>(
        self,
        ends: Vec<(usize, End<I>)>,
        work: impl Fn(I, ClaimHandle) -> F + Clone + Send + 'static,
    ) where
        I: Send + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let waiting: Vec<_> = ends.into_iter().filter_map(|(_, end)| end.waiting()).collect();
        if waiting.is_empty() {
            return;
        }
        let span = Span::current();
        // Taken now, because the delivery's attempt gives its permit back before these events start.
        let of_delivery = self.permit();
        let background = async move {
            for event in waiting {
                // Claimed only after this wait, because nothing would renew the lease meanwhile.
                let Some(permit) = self.event_permit_in_time().await else {
                    self.not_begun(&event);
                    continue;
                };
                let (attempt, work) = (self.clone(), work.clone());
                attempt.claim_and_handle(event, work, Some(permit), of_delivery.clone()).await;
            }
        };
        tokio::spawn(span.wrap(background));
    }
}

async fn read_and_handle<T, F, E>(
    event: Bytes,
    claim: ClaimHandle,
    received: i64,
    handler: impl Fn(Event<T>, ClaimHandle) -> F,
) -> Result<(), String>
where
    Event<T>: DeserializeOwned,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let read = Event::from_repaired(&event);
    let read = read.inspect(|event| event_age(event.created.as_second(), received));
    match read.map(|event| handler(event, claim)) {
        // `{:#}` prints the whole chain of causes of `anyhow` and similar errors.
        Ok(work) => work.await.map_err(|error| format!("{error:#}")),
        Err(error) => Err(error.to_string()),
    }
}

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::attempt::BatchAttempt;
use super::end::{End, Waiting};
use super::{Batch, BatchReport};
use crate::Event;
use crate::delivery::ClaimHandle;

impl Batch {
    /// Handles each event once, at most `concurrency` (at least 1) at a time in one attempt.
    /// A retry begins events beside those that still run in the background.
    ///
    /// An event is claimed by its own `id`, in the store and the scope of the
    /// [`DedupeLayer`](crate::DedupeLayer), but apart from the ids of deliveries. An event
    /// that was completed before, in any batch, is skipped. An event that is in flight in
    /// another batch counts as not done. `Ok` completes an event; an `Err` or a panic
    /// releases it, and the others go on.
    ///
    /// The report is made at 95 % of the response deadline at the latest. Events that are
    /// running by then continue in the background under their leases. Events that have not
    /// begun begin in the background, as many at a time as before, until the
    /// [handler timeout](crate::DedupeOptions::handler_timeout) is over. Both are failures in
    /// the report, so that the sender's retry asks what became of them; so is an event that
    /// cannot be read.
    ///
    /// An error prints into the report with `{:#}`. If an event is twice in one batch, one
    /// of the two may be in flight for the other: the retry finds it done.
    ///
    /// If the layer deduplicates by event id, an event that came alone was claimed by the
    /// layer, and is simply handled, as the rest of the handler is: it ends with the
    /// handler, and its panic is the handler's.
    ///
    /// An event that blocks its thread holds up the others, which then may lose their
    /// leases: use `tokio::task::spawn_blocking`.
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

    /// The same for handlers that take the claim of each event, to complete it in a
    /// transaction of their own. See [`ClaimHandle`].
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
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let attempt = BatchAttempt::new(self.delivery, self.claimed, concurrency);
        let one = |(position, event)| {
            let (attempt, handler) = (attempt.clone(), handler.clone());
            async move { (position, attempt.handle(position, event, handler).await) }
        };
        let events = stream::iter(self.events.into_iter().enumerate()).map(one);
        let mut ends: Vec<_> = events.buffer_unordered(concurrency).collect().await;
        ends.sort_by_key(|(position, _)| *position);
        let report = BatchReport::of(&ends);
        attempt.go_on_with(ends, handler);
        report
    }
}

impl BatchAttempt {
    async fn handle<T, F, E>(
        self,
        position: usize,
        event: Bytes,
        handler: impl Fn(Event<T>, ClaimHandle) -> F + Send + 'static,
    ) -> End
    where
        Event<T>: DeserializeOwned,
        F: Future<Output = Result<(), E>> + Send + 'static,
        T: 'static,
        E: Display + 'static,
    {
        // Claimed before its data is read: an event that is done is skipped even if it no
        // longer reads.
        let waiting = match Event::<IgnoredAny>::from_json(&event) {
            Ok(envelope) => Waiting::new(envelope, event),
            Err(error) => return self.unreadable(position, &error),
        };
        if let Some((_permit, claim)) = self.claim_of_its_event() {
            let result = read_and_handle(waiting.event.clone(), claim, handler).await;
            return self.ended_with_its_delivery(waiting, result);
        }
        if Instant::now() >= self.report_by {
            self.deferred(&waiting);
            return End::Waiting(waiting);
        }
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let work = move |event, claim| read_and_handle(event, claim, handler);
        let permit = self.permit();
        self.claim_and_handle(waiting, work, place, permit).await
    }

    /// Begins the events that still wait, in a task of its own, which holds the delivery's
    /// permit.
    fn go_on_with<T, F, E>(
        self,
        ends: Vec<(usize, End)>,
        handler: impl Fn(Event<T>, ClaimHandle) -> F + Clone + Send + 'static,
    ) where
        Event<T>: DeserializeOwned,
        F: Future<Output = Result<(), E>> + Send + 'static,
        T: 'static,
        E: Display + 'static,
    {
        let waiting: Vec<_> = ends.into_iter().filter_map(|(_, end)| end.waiting()).collect();
        if waiting.is_empty() {
            return;
        }
        let span = crate::observe::log::Span::current();
        // The delivery's own attempt is over by the time they begin, and with it its permit.
        let permit = self.permit();
        let work = async move {
            for event in waiting {
                // Not claimed before its turn: nobody would renew its lease.
                let Some(place) = self.place_in_time().await else {
                    self.not_begun(&event);
                    continue;
                };
                let handler = handler.clone();
                let work = move |event, claim| read_and_handle(event, claim, handler);
                let (attempt, permit) = (self.clone(), permit.clone());
                attempt.claim_and_handle(event, work, Some(place), permit).await;
            }
        };
        tokio::spawn(span.wrap(work));
    }
}

async fn read_and_handle<T, F, E>(
    event: Bytes,
    claim: ClaimHandle,
    handler: impl Fn(Event<T>, ClaimHandle) -> F,
) -> Result<(), String>
where
    Event<T>: DeserializeOwned,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    match Event::from_json(&event).map(|event| handler(event, claim)) {
        // Errors that have a chain of causes print it in this form.
        Ok(work) => work.await.map_err(|error| format!("{error:#}")),
        Err(error) => Err(error.to_string()),
    }
}

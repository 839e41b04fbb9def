use std::fmt::Display;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::time::Instant;

use super::{Batch, BatchReport};
use crate::dedupe::handle_event_once;
use crate::delivery::Held;
use crate::event::Event;
use crate::{Delivery, Rejection};

impl Batch {
    /// Handles each event once, at most `concurrency` (at least 1) at a time.
    ///
    /// An event is claimed by its own `id`, in the store and the scope of the
    /// [`DedupeLayer`](crate::DedupeLayer), but apart from the ids of deliveries: what
    /// was completed before, in whatever batch, is skipped, and what is in flight in
    /// another counts as not done. `Ok` completes an event; an `Err` or a panic
    /// releases it, and the others go on.
    ///
    /// The report is made a twentieth before the answer deadline at the latest: what
    /// has not begun by then is left to the sender's retry, what runs goes on under its
    /// lease. Both are failures in the report, and so is an event that cannot be read. (So
    /// a batch is to be processed before its request is answered.)
    ///
    /// An error prints into the report with `{:#}`. An event that is twice in one batch may
    /// be in flight for itself: the retry finds it done.
    ///
    /// With [`DedupeOptions::by_event_id`](crate::DedupeOptions::by_event_id) an event
    /// that came alone was claimed by the layer, and is simply handled, as the rest of
    /// the handler is: it ends with it, and its panic is the handler's.
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
        let Self { delivery, held, events } = self;
        let attempt = Attempt { report_by: held.dedupe.report_by(&delivery), delivery, held };
        let one = |(position, event)| {
            let (attempt, handler) = (attempt.clone(), handler.clone());
            async move { (position, attempt.handle(event, handler).await) }
        };
        let runs = stream::iter(events.into_iter().enumerate()).map(one);
        let mut ends: Vec<_> = runs.buffer_unordered(concurrency.max(1)).collect().await;
        ends.sort_by_key(|(position, _)| *position);
        BatchReport::of(attempt.delivery.id(), ends)
    }
}

/// How an event ended: done, now or before; or not, and why.
pub(super) enum End {
    Completed,
    AlreadyProcessed,
    Failed { event_id: Option<String>, reason: String },
}

/// On whose behalf events are claimed, and until when.
#[derive(Clone)]
struct Attempt {
    delivery: Delivery,
    held: Held,
    report_by: Instant,
}

impl Attempt {
    async fn handle<T, F, E>(
        self,
        event: Bytes,
        handler: impl Fn(Event<T>) -> F + Send + 'static,
    ) -> End
    where
        Event<T>: DeserializeOwned,
        F: Future<Output = Result<(), E>> + Send + 'static,
        T: 'static,
        E: Display + 'static,
    {
        // Claimed before its data is read: what is done is skipped even if it no longer
        // reads.
        let id = match Event::<IgnoredAny>::from_json(&event) {
            Ok(event) => event.id,
            Err(error) => return End::Failed { event_id: None, reason: error.to_string() },
        };
        let failed = |reason| End::Failed { event_id: Some(id.clone()), reason };
        let run = move || read_and_handle(event, handler);
        match self.claim_and(&id, run).await {
            Ok(Ok(())) => End::Completed,
            Ok(Err(reason)) => failed(reason),
            Err(Rejection::AlreadyProcessed) => End::AlreadyProcessed,
            Err(rejection) => failed(rejection.to_string()),
        }
    }

    async fn claim_and<F>(
        &self,
        id: &str,
        run: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Result<(), String>, Rejection>
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let Self { delivery, held, report_by } = self;
        if let Some(_place) = held.of_its_event() {
            return Ok(run().await);
        }
        if Instant::now() >= *report_by {
            return Ok(Err("not begun when the answer was due: left to the retry".to_owned()));
        }
        let claim = held.dedupe.claim_for_event(id);
        handle_event_once(held, delivery, claim, *report_by, run).await
    }
}

async fn read_and_handle<T, F, E>(
    event: Bytes,
    handler: impl Fn(Event<T>) -> F,
) -> Result<(), String>
where
    Event<T>: DeserializeOwned,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    match Event::from_json(&event).map(handler) {
        // Errors that have a chain of causes print it in this form.
        Ok(work) => work.await.map_err(|error| format!("{error:#}")),
        Err(error) => Err(error.to_string()),
    }
}

use std::fmt::Display;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::{Batch, BatchReport};
use crate::Event;
use crate::dedupe::handle_event_once;
use crate::delivery::Held;
use crate::observe::log;
use crate::{Delivery, Rejection};

impl Batch {
    /// Handles each event once, at most `concurrency` (at least 1) at a time in one attempt.
    /// A retry begins events beside those that still run in the background.
    ///
    /// An event is claimed by its own `id`, in the store and the scope of the
    /// [`DedupeLayer`](crate::DedupeLayer), but apart from the ids of deliveries: what
    /// was completed before, in whatever batch, is skipped, and what is in flight in
    /// another counts as not done. `Ok` completes an event; an `Err` or a panic
    /// releases it, and the others go on.
    ///
    /// The report is made at 95 % of the response deadline at the latest. Events
    /// that are at work by then go on under their leases, and events that have not begun
    /// begin in the background, as many at a time as before, until the longest run that
    /// [`DedupeOptions::handler_timeout`](crate::DedupeOptions::handler_timeout) allows is over. Both are
    /// failures in the report, so that the sender's retry asks what became of them; so is
    /// an event that cannot be read.
    ///
    /// An error prints into the report with `{:#}`. An event that is twice in one batch may
    /// be in flight for itself: the retry finds it done.
    ///
    /// With [`DedupeKey::EventId`](crate::DedupeKey::EventId) an event
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
        let report_by = held.dedupe.report_by(&delivery);
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(concurrency));
        let attempt = Attempt { delivery, held, report_by, places };
        let one = |(position, event)| {
            let (attempt, handler) = (attempt.clone(), handler.clone());
            async move { (position, attempt.handle(event, handler).await) }
        };
        let runs = stream::iter(events.into_iter().enumerate()).map(one);
        let mut ends: Vec<_> = runs.buffer_unordered(concurrency).collect().await;
        ends.sort_by_key(|(position, _)| *position);
        let report = BatchReport::of(attempt.delivery.id(), &ends);
        attempt.go_on_with(ends, handler);
        report
    }
}

/// How an event ended: done, now or before; or not, and why.
pub(super) enum End {
    Completed,
    AlreadyProcessed,
    /// Its turn has not come: it begins in the background.
    Waiting(Waiting),
    Failed {
        event_id: Option<String>,
        reason: String,
    },
}

pub(super) struct Waiting {
    pub(super) event_id: String,
    event: Bytes,
}

/// On whose behalf events are claimed, and until when.
#[derive(Clone)]
struct Attempt {
    delivery: Delivery,
    held: Held,
    report_by: Instant,
    /// So many may be at work at a time, those included that go on in the background.
    places: Arc<Semaphore>,
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
        let event_id = match Event::<IgnoredAny>::from_json(&event) {
            Ok(event) => event.id,
            Err(error) => return End::Failed { event_id: None, reason: error.to_string() },
        };
        if let Some(_place) = self.held.of_its_event() {
            return End::of(read_and_handle(event, handler).await, event_id);
        }
        let waiting = Waiting { event_id, event };
        if Instant::now() >= self.report_by {
            return End::Waiting(waiting);
        }
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        self.claim_and_handle(waiting, handler, place).await
    }

    async fn claim_and_handle<T, F, E>(
        self,
        Waiting { event_id, event }: Waiting,
        handler: impl Fn(Event<T>) -> F + Send + 'static,
        place: Option<OwnedSemaphorePermit>,
    ) -> End
    where
        Event<T>: DeserializeOwned,
        F: Future<Output = Result<(), E>> + Send + 'static,
        T: 'static,
        E: Display + 'static,
    {
        let Self { delivery, held, report_by, .. } = self;
        let claim = held.dedupe.claim_for_event(&event_id);
        let (id, named) = (delivery.id().clone(), event_id.clone());
        let run = move || async move {
            // Given back when the event's work ends, wherever that is by then.
            let _place = place;
            let result = read_and_handle(event, handler).await;
            if let Err(reason) = &result
                && Instant::now() >= report_by
            {
                log::event_failed(&id, None, Some(&named), reason);
            }
            result
        };
        match handle_event_once(&held, &delivery, claim, report_by, run).await {
            Ok(result) => End::of(result, event_id),
            Err(Rejection::AlreadyProcessed) => End::AlreadyProcessed,
            Err(rejection) => End::of(Err(rejection.to_string()), event_id),
        }
    }

    /// Begins what still waits, in a task of its own, which holds the delivery's permit.
    fn go_on_with<T, F, E>(
        self,
        ends: Vec<(usize, End)>,
        handler: impl Fn(Event<T>) -> F + Clone + Send + 'static,
    ) where
        Event<T>: DeserializeOwned,
        F: Future<Output = Result<(), E>> + Send + 'static,
        T: 'static,
        E: Display + 'static,
    {
        let waiting = ends.into_iter().filter_map(|(_, end)| match end {
            End::Waiting(waiting) => Some(waiting),
            _ => None,
        });
        let waiting: Vec<_> = waiting.collect();
        if waiting.is_empty() {
            return;
        }
        let permit = self.held.permit.upgrade();
        let give_up = self.held.dedupe.give_up_at(&self.delivery);
        let work = async move {
            let _slot = permit;
            for event in waiting {
                // Not claimed before its turn: nobody would renew its lease.
                let place = Arc::clone(&self.places).acquire_owned();
                let place = timeout_at(give_up, place).await.ok().and_then(Result::ok);
                // A place that is free is given without a look at the time.
                let Some(place) = place.filter(|_| Instant::now() < give_up) else {
                    let (id, named) = (self.delivery.id(), Some(event.event_id.as_str()));
                    log::event_failed(id, None, named, NEVER_BEGUN);
                    continue;
                };
                self.clone().claim_and_handle(event, handler.clone(), Some(place)).await;
            }
        };
        tokio::spawn(log::Span::current().wrap(work));
    }
}

const NEVER_BEGUN: &str = "its turn did not come within the longest run: left to the retry";

impl End {
    fn of(result: Result<(), String>, event_id: String) -> Self {
        match result {
            Ok(()) => Self::Completed,
            Err(reason) => Self::Failed { event_id: Some(event_id), reason },
        }
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

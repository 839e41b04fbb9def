use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::end::{End, Waiting};
use crate::dedupe::{Claimed, EventName, Permit, handle_event_once};
use crate::delivery::ClaimHandle;
use crate::event::EventError;
use crate::observe::Outcome;
use crate::text::excerpt;
use crate::{Delivery, Rejection};

/// One attempt at a batch: on whose behalf its events are claimed, and until when.
#[derive(Clone)]
pub(super) struct BatchAttempt {
    delivery: Delivery,
    claimed: Claimed,
    pub(super) report_by: Instant,
    /// So many may be at work at a time, those included that go on in the background.
    pub(super) places: Arc<Semaphore>,
}

impl BatchAttempt {
    pub(super) fn new(delivery: Delivery, claimed: Claimed, concurrency: usize) -> Self {
        let report_by = claimed.dedupe.report_by(&delivery);
        let places = Arc::new(Semaphore::new(concurrency));
        Self { delivery, claimed, report_by, places }
    }

    /// The claim of the delivery, if that is its event's, and still holds.
    pub(super) fn claim_of_its_event(&self) -> Option<(Arc<Permit>, ClaimHandle)> {
        let permit = self.claimed.permit_of_its_event()?;
        Some((permit, self.delivery.claim()?.clone()))
    }

    pub(super) fn permit(&self) -> Option<Arc<Permit>> {
        self.claimed.permit()
    }

    /// A place among the events at work, unless the time to begin events is over.
    pub(super) async fn place_in_time(&self) -> Option<OwnedSemaphorePermit> {
        let give_up = self.claimed.dedupe.give_up_at(&self.delivery);
        let place = Arc::clone(&self.places).acquire_owned();
        let place = timeout_at(give_up, place).await.ok().and_then(Result::ok);
        // A place that is free is given without a look at the time.
        place.filter(|_| Instant::now() < give_up)
    }

    /// Gives the place back when the event's work ends, wherever that is by then.
    pub(super) async fn claim_and_handle<F>(
        self,
        Waiting { name, event }: Waiting,
        work: impl FnOnce(Bytes, ClaimHandle) -> F + Send + 'static,
        place: Option<OwnedSemaphorePermit>,
        permit: Option<Arc<Permit>>,
    ) -> End
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let event_id = name.id.clone();
        let handler = move |claim| async move {
            let _place = place;
            work(event, claim).await
        };
        let Self { delivery, claimed: Claimed { dedupe, .. }, report_by, .. } = self;
        let attempt = handle_event_once(&dedupe, permit, &delivery, name, report_by, handler);
        match attempt.await {
            Ok(result) => End::of(result, event_id),
            Err(Rejection::AlreadyProcessed) => End::AlreadyProcessed,
            Err(rejection) => End::of(Err(rejection.to_string()), event_id),
        }
    }

    /// An event that has no attempt of its own fails as part of its delivery.
    pub(super) fn ended_with_its_delivery(
        &self,
        Waiting { name, .. }: Waiting,
        result: Result<(), String>,
    ) -> End {
        if let Err(reason) = &result {
            self.observe(Outcome::EventFailed { error: &excerpt(reason, 300) }, Some(&name));
        }
        End::of(result, name.id)
    }

    pub(super) fn unreadable(&self, position: usize, error: &EventError) -> End {
        let reason = error.to_string();
        self.observe(Outcome::EventUnreadable { position, reason: &reason }, None);
        End::Failed { event_id: None, reason }
    }

    pub(super) fn deferred(&self, event: &Waiting) {
        self.observe(Outcome::EventDeferred, Some(&event.name));
    }

    pub(super) fn not_begun(&self, event: &Waiting) {
        self.observe(Outcome::EventNotBegun, Some(&event.name));
    }

    fn observe(&self, outcome: Outcome<'_>, event: Option<&EventName>) {
        self.claimed.dedupe.observe(outcome, &self.delivery, event);
    }
}

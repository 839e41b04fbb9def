use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::end::{End, Waiting};
use crate::dedupe::{Claimed, EventName, SharedPermit, Subject, handle_event_once};
use crate::delivery::ClaimHandle;
use crate::event::EventError;
use crate::observe::Outcome;
use crate::text::excerpt;
use crate::{Delivery, Rejection};

/// One attempt at a batch: the delivery whose events are claimed, and the time limits.
#[derive(Clone)]
pub(super) struct BatchAttempt {
    delivery: Delivery,
    claimed: Claimed,
    pub(super) report_by: Instant,
    /// Limits how many events run at once, including those in the background.
    pub(super) event_permits: Arc<Semaphore>,
    pub(super) concurrency: usize,
}

impl BatchAttempt {
    pub(super) fn new(delivery: Delivery, claimed: Claimed, concurrency: usize) -> Self {
        claimed.note_split();
        let report_by = claimed.dedupe.report_by(&delivery);
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let event_permits = Arc::new(Semaphore::new(concurrency));
        Self { delivery, claimed, report_by, event_permits, concurrency }
    }

    /// The delivery's permit and claim, if the delivery was claimed by the id of its event and its
    /// handler still runs.
    pub(super) fn claimed_event(&self) -> Option<(Arc<SharedPermit>, ClaimHandle)> {
        let permit = self.claimed.permit_of_claimed_event()?;
        Some((permit, self.delivery.claim()?.clone()))
    }

    pub(super) fn permit(&self) -> Option<Arc<SharedPermit>> {
        self.claimed.permit()
    }

    /// Waits for a permit to run one more event. `None` after the handler timeout.
    pub(super) async fn event_permit_in_time(&self) -> Option<OwnedSemaphorePermit> {
        let give_up = self.claimed.dedupe.give_up_at(&self.delivery);
        let permit = Arc::clone(&self.event_permits).acquire_owned();
        let permit = timeout_at(give_up, permit).await.ok().and_then(Result::ok);
        // Checked again, because `timeout_at` returns a free permit even after the deadline.
        permit.filter(|_| Instant::now() < give_up)
    }

    /// Runs the handler for one event under its own claim. The permit is given back when the handler
    /// ends, in the connection's task or in the background.
    pub(super) async fn claim_and_handle<I, F>(
        self,
        Waiting { name, claim_id, event_id, item }: Waiting<I>,
        work: impl FnOnce(I, ClaimHandle) -> F + Send + 'static,
        permit: Option<OwnedSemaphorePermit>,
        of_delivery: Option<Arc<SharedPermit>>,
    ) -> End<I>
    where
        I: Send + 'static,
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let handler = move |claim| async move {
            let _permit = permit;
            work(item, claim).await
        };
        let Self { delivery, claimed: Claimed { dedupe, .. }, report_by, .. } = self;
        let event = (name, &claim_id);
        let attempt = handle_event_once(&dedupe, of_delivery, &delivery, event, report_by, handler);
        match attempt.await {
            Ok(result) => End::of(result, event_id),
            Err(Rejection::AlreadyProcessed) => End::AlreadyProcessed,
            Err(rejection) => End::of(Err(rejection.to_string()), event_id),
        }
    }

    /// The end of an event that was claimed together with its delivery, and therefore has no attempt
    /// of its own.
    pub(super) fn ended_with_delivery<I>(
        &self,
        name: &EventName,
        event_id: Option<String>,
        result: Result<(), String>,
    ) -> End<I> {
        if let Err(reason) = &result {
            self.observe(Outcome::EventFailed { error: &excerpt(reason, 300) }, Some(name));
        }
        End::of(result, event_id)
    }

    pub(super) fn unreadable<I>(&self, position: usize, error: &EventError) -> End<I> {
        let reason = error.to_string();
        self.observe(Outcome::EventUnreadable { position, reason: &reason }, None);
        End::Failed { event_id: None, reason }
    }

    pub(super) fn deferred<I>(&self, event: &Waiting<I>) {
        self.observe(Outcome::EventDeferred, Some(&event.name));
    }

    pub(super) fn not_begun<I>(&self, event: &Waiting<I>) {
        self.observe(Outcome::EventNotBegun, Some(&event.name));
    }

    fn observe(&self, outcome: Outcome<'_>, event: Option<&EventName>) {
        let subject = match event {
            Some(event) => Subject::event(&self.delivery, event.clone()),
            None => Subject::delivery(&self.delivery),
        };
        self.claimed.dedupe.observe(outcome, &subject);
    }
}

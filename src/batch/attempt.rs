use std::sync::Arc;

use bytes::Bytes;
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
}

impl BatchAttempt {
    pub(super) fn new(delivery: Delivery, claimed: Claimed, concurrency: usize) -> Self {
        let report_by = claimed.dedupe.report_by(&delivery);
        let event_permits = Arc::new(Semaphore::new(concurrency));
        Self { delivery, claimed, report_by, event_permits }
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
    pub(super) async fn claim_and_handle<F>(
        self,
        Waiting { name, event }: Waiting,
        work: impl FnOnce(Bytes, ClaimHandle) -> F + Send + 'static,
        permit: Option<OwnedSemaphorePermit>,
        of_delivery: Option<Arc<SharedPermit>>,
    ) -> End
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let event_id = name.id.clone();
        let handler = move |claim| async move {
            let _permit = permit;
            work(event, claim).await
        };
        let Self { delivery, claimed: Claimed { dedupe, .. }, report_by, .. } = self;
        let attempt = handle_event_once(&dedupe, of_delivery, &delivery, name, report_by, handler);
        match attempt.await {
            Ok(result) => End::of(result, event_id),
            Err(Rejection::AlreadyProcessed) => End::AlreadyProcessed,
            Err(rejection) => End::of(Err(rejection.to_string()), event_id),
        }
    }

    /// The end of an event that was claimed together with its delivery, and therefore has no attempt
    /// of its own.
    pub(super) fn ended_with_delivery(
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
        let subject = match event {
            Some(event) => Subject::event(&self.delivery, event.clone()),
            None => Subject::delivery(&self.delivery),
        };
        self.claimed.dedupe.observe(outcome, &subject);
    }
}

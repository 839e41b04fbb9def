use std::sync::Arc;

use super::Dedupe;
#[cfg(feature = "events")]
use super::DedupeKey;
use super::attempt::Attempt;
use super::lease::Sent;
use crate::delivery::ClaimHandle;
use crate::observe::{Outcome, StoreOperation};
use crate::store::{Claim, ClaimAnswer, Fingerprint, RecordKind, Scope, Store, StoreError};
use crate::{Delivery, DeliveryId, Rejection};

impl Dedupe {
    /// By its id and its signature; or, if so configured, by its event's id.
    pub(super) fn claim_for(&self, delivery: &Delivery) -> Claim {
        #[cfg(feature = "events")]
        if self.options.dedupe_by == DedupeKey::EventId
            && let Some(peek) = crate::event::Peek::of_event(delivery.body())
            && let Some(event_id) = peek.id()
        {
            return self.claim_for_event(delivery, &event_id);
        }
        let fingerprint = Fingerprint::of(delivery.body());
        Claim {
            replay_keys: delivery.verified().replay_keys().to_vec(),
            replay_window: delivery.verified().replay_window(),
            lease: self.options.lease,
            retention: self.options.retention,
            ..Claim::new(self.scope_of(delivery), delivery.id().clone(), fingerprint)
        }
    }

    /// The endpoint's scope, or that of the delivery's tenant within it.
    pub(super) fn scope_of(&self, delivery: &Delivery) -> Scope {
        match delivery.tenant() {
            Some(tenant) => self.scope.of_tenant(tenant),
            None => self.scope.clone(),
        }
    }

    /// Events are claimed by id alone. The id is covered by the signature, so no replay keys
    /// are needed, and the body is not fingerprinted because the sender may serialise the
    /// same event differently next time.
    pub(crate) fn claim_for_event(&self, delivery: &Delivery, event_id: &str) -> Claim {
        let id = DeliveryId::of_event(event_id);
        let fingerprint = Fingerprint::of(event_id.as_bytes());
        Claim {
            kind: RecordKind::Event,
            lease: self.options.lease,
            retention: self.options.retention,
            ..Claim::new(self.scope_of(delivery), id, fingerprint)
        }
    }
}

impl Attempt {
    /// Claims, under the id that the signed bytes came with first.
    pub(super) async fn claim(
        self: &Arc<Self>,
        mut claim: Claim,
    ) -> Result<ClaimHandle, Rejection> {
        let began = self.dedupe.start_timer();
        // A replay leads to the id that was claimed, which leads to itself: one step,
        // unless the replay record expires between the two.
        for _ in 0..2 {
            let (sent, store_timeout) = (Sent::now(), self.dedupe.options.store_timeout);
            let call = async { self.dedupe.store.claim(&claim).await };
            let answer = match self.ask(StoreOperation::Claim, store_timeout, call).await {
                Ok(answer) => answer,
                Err(error) => return self.store_failed(claim, &error),
            };
            let (outcome, rejection) = match answer {
                ClaimAnswer::Acquired => {
                    self.lease.granted(sent);
                    self.observe(Outcome::Claimed { took: began.took() });
                    return Ok(self.hold(claim));
                }
                ClaimAnswer::ReplayOf(first_id) => {
                    self.observe(Outcome::Replay { first_id: &first_id });
                    claim.id = first_id;
                    continue;
                }
                ClaimAnswer::Completed => {
                    (Outcome::Duplicate { in_flight: false }, Rejection::AlreadyProcessed)
                }
                ClaimAnswer::InFlight { lease } => (
                    Outcome::Duplicate { in_flight: true },
                    Rejection::DeliveryInProgress { lease },
                ),
                ClaimAnswer::Conflict => (Outcome::Conflict, Rejection::DeliveryIdConflict),
            };
            self.observe(outcome);
            return Err(rejection);
        }
        let error =
            &StoreError::Unavailable("its replay records lead from one id to another".into());
        let (operation, took) = (StoreOperation::Claim, began.took());
        self.observe(Outcome::StoreFailed { operation, error, took });
        self.store_failed(claim, error)
    }

    /// The claim may have taken effect all the same. If the attempt goes on, the claim is
    /// its own. If not, it is released, or expires.
    fn store_failed(
        self: &Arc<Self>,
        claim: Claim,
        error: &StoreError,
    ) -> Result<ClaimHandle, Rejection> {
        if self.dedupe.options.run_when_store_fails {
            self.observe(Outcome::RanUnclaimed);
            return Ok(self.hold(claim));
        }
        let attempt = Arc::clone(self);
        tokio::spawn(async move {
            let release = async { attempt.dedupe.store.release(&claim).await };
            let limit = attempt.dedupe.options.store_timeout;
            let _ = attempt.ask(StoreOperation::Release, limit, release).await;
        });
        Err(Rejection::StoreUnavailable { reason: error.with_sources().into() })
    }
}

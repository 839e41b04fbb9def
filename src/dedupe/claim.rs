use std::sync::Arc;

#[cfg(feature = "events")]
use super::DedupeKey;
use super::attempt::Attempt;
use super::lease::Sent;
use super::{Dedupe, Times};
use crate::delivery::{AnyDelivery, ClaimHandle, Proof};
use crate::observe::{Outcome, StoreOperation};
use crate::scheme::Identity;
#[cfg(feature = "events")]
use crate::scheme::{DELIVERY_HEADER, IdSource};
use crate::store::{Claim, ClaimAnswer, Fingerprint, RecordKind, Scope, Store, StoreError};
use crate::text::with_sources;
use crate::{DeliveryId, Rejection, ReplayKeys};

impl Dedupe {
    /// The claim for a delivery: by its id and its replay keys or, if so configured, by the id of its
    /// event.
    pub(super) fn claim_for(&self, delivery: &impl AnyDelivery, times: &Times) -> Claim {
        #[cfg(feature = "events")]
        if self.options.dedupe_by == DedupeKey::EventId
            && delivery.accepted().id_source() == IdSource::Header(DELIVERY_HEADER)
            && let Some(peek) = crate::event::Peek::of_event(delivery.accepted().body())
            && let Some(event_id) = peek.id()
        {
            return self.claim_for_event(delivery, times, &DeliveryId::of_event(&event_id));
        }
        match delivery.accepted().identity() {
            Identity::UnsignedHeader => self.claim_by_id_and_bytes(delivery, times),
            // Not as an event, or the events of a batch could find their delivery in flight.
            Identity::BodyField | Identity::SignedHeader | Identity::BodyHash => {
                let id = delivery.accepted().id();
                self.claim_by_id(delivery, times, RecordKind::Delivery, id)
            }
        }
    }

    /// The claim for a delivery whose id is not signed: by the id, the body and the signed bytes. If the
    /// signature covers no time, the signed bytes stay genuine, so they are remembered for as long as
    /// the delivery: its retention begins when the handler has ended. A token signs no bytes: the claim is then by the id and the body.
    fn claim_by_id_and_bytes(&self, delivery: &impl AnyDelivery, times: &Times) -> Claim {
        let proof = delivery.accepted().proof();
        let fingerprint = Fingerprint::of(delivery.accepted().body());
        Claim {
            replay_keys: if self.options.trust_unsigned_ids && proof.replay_window().is_none() {
                ReplayKeys::default()
            } else {
                proof.replay_keys()
            },
            replay_window: proof.replay_window().unwrap_or_else(|| times.outlasting_the_record()),
            lease: times.lease,
            retention: times.retention,
            ..Claim::new(self.scope_of(delivery), delivery.accepted().id().clone(), fingerprint)
        }
    }

    /// The handler's access to this claim.
    pub(super) fn handle(&self, claim: Claim) -> ClaimHandle {
        ClaimHandle::new(claim, self.store.completion_sql().cloned())
    }

    /// The endpoint's scope, or the scope of the delivery's tenant within it.
    pub(super) fn scope_of(&self, delivery: &impl AnyDelivery) -> Scope {
        match delivery.accepted().proof().tenant() {
            Some(tenant) => self.scope.of_tenant(tenant),
            None => self.scope.clone(),
        }
    }

    /// The claim for an event, by its id alone.
    pub(super) fn claim_for_event(
        &self,
        delivery: &impl AnyDelivery,
        times: &Times,
        event_id: &DeliveryId,
    ) -> Claim {
        self.claim_by_id(delivery, times, RecordKind::Event, event_id)
    }

    /// A claim by an id alone. The signature covers the id, so no replay keys are needed, and the body
    /// is not fingerprinted because the sender may serialise the same event differently next time.
    fn claim_by_id(
        &self,
        delivery: &impl AnyDelivery,
        times: &Times,
        kind: RecordKind,
        id: &DeliveryId,
    ) -> Claim {
        let fingerprint = Fingerprint::of(id.as_str().as_bytes());
        Claim {
            kind,
            lease: times.lease,
            retention: times.retention,
            ..Claim::new(self.scope_of(delivery), id.clone(), fingerprint)
        }
    }
}

impl Attempt {
    /// Claims the delivery. A replay is claimed under the first id of its signed bytes.
    pub(super) async fn claim(
        self: &Arc<Self>,
        mut claim: ClaimHandle,
    ) -> Result<ClaimHandle, Rejection> {
        let began = self.dedupe.start_timer();
        // A replay record names the first id, and the first id has no replay record of another.
        // So the second claim is the last one, unless a replay record expires in between.
        for _ in 0..2 {
            let (sent, store_timeout) = (Sent::now(), self.times.store_timeout);
            let operation = StoreOperation::Claim;
            let answer = self.ask(operation, store_timeout, |store| store.claim(claim.claim()));
            match answer.await {
                Ok(ClaimAnswer::Acquired) => {
                    self.lease.granted(sent);
                    self.observe(Outcome::Claimed { took: began.took() });
                    return Ok(self.keep(claim));
                }
                Ok(ClaimAnswer::ReplayOf(first_id)) => {
                    self.observe(Outcome::Replay { first_id: &first_id });
                    claim = self.dedupe.handle(Claim { id: first_id, ..claim.claim().clone() });
                }
                Ok(ClaimAnswer::Completed) => {
                    self.observe(Outcome::Duplicate { in_flight: false });
                    return Err(Rejection::AlreadyProcessed);
                }
                Ok(ClaimAnswer::InFlight { lease }) => {
                    self.observe(Outcome::Duplicate { in_flight: true });
                    return Err(Rejection::DeliveryInProgress { lease });
                }
                Ok(ClaimAnswer::Conflict) => {
                    self.observe(Outcome::Conflict);
                    return Err(Rejection::DeliveryIdConflict);
                }
                Err(error) => return self.store_failed(claim, &error),
            }
        }
        let error = &StoreError::Unavailable("its replay records name one id after another".into());
        let (operation, took) = (StoreOperation::Claim, began.took());
        self.dedupe.store_health.failed(error);
        self.observe(Outcome::StoreFailed { operation, error, took });
        self.store_failed(claim, error)
    }

    /// Decides what follows when the store fails during a claim. The claim may have taken effect
    /// all the same: an attempt that continues keeps it, and an attempt that ends releases it.
    fn store_failed(
        self: &Arc<Self>,
        claim: ClaimHandle,
        error: &StoreError,
    ) -> Result<ClaimHandle, Rejection> {
        if self.dedupe.options.run_when_store_fails {
            self.observe(Outcome::RanUnclaimed);
            return Ok(self.keep(claim));
        }
        let attempt = Arc::clone(self);
        tokio::spawn(async move {
            let (operation, limit) = (StoreOperation::Release, attempt.times.store_timeout);
            let _ = attempt.ask(operation, limit, |store| store.release(claim.claim())).await;
        });
        Err(Rejection::StoreUnavailable { reason: with_sources(error).into() })
    }
}

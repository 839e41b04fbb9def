use std::sync::Arc;

#[cfg(feature = "events")]
use super::DedupeKey;
use super::attempt::Attempt;
use super::lease::Sent;
use super::store_call::ask;
use super::{Dedupe, Incident};
use crate::observe::log;
use crate::store::{Claim, ClaimAnswer, Fingerprint, RecordKind, Store, StoreError};
use crate::{Delivery, DeliveryId, Rejection};

impl Dedupe {
    /// By its id and its signature; or, if so configured, by its event's id.
    pub(super) fn claim_for(&self, delivery: &Delivery) -> Claim {
        #[cfg(feature = "events")]
        if self.options.dedupe_by == DedupeKey::EventId
            && let Some(sketch) = crate::event::Peek::of_event(delivery.body())
            && let Some(event_id) = sketch.id()
        {
            return self.claim_for_event(&event_id);
        }
        let fingerprint = Fingerprint::of(delivery.body());
        Claim {
            replay_keys: delivery.verified().replay_keys().to_vec(),
            replay_window: delivery.verified().replay_window(),
            lease: self.options.lease,
            retention: self.options.retention,
            ..Claim::new(self.scope.clone(), delivery.id().clone(), fingerprint)
        }
    }

    /// The id alone tells an event, for it is signed: its text may be spelt otherwise
    /// the next time, and there is nothing that a replay could change.
    pub(crate) fn claim_for_event(&self, event_id: &str) -> Claim {
        let id = DeliveryId::of_event(event_id);
        let fingerprint = Fingerprint::of(event_id.as_bytes());
        Claim {
            kind: RecordKind::Event,
            lease: self.options.lease,
            retention: self.options.retention,
            ..Claim::new(self.scope.clone(), id, fingerprint)
        }
    }
}

impl Attempt {
    /// Takes what is claimed, under the id its bytes were first seen with.
    pub(super) async fn claim(self: &Arc<Self>, mut claim: Claim) -> Result<DeliveryId, Rejection> {
        // A binding leads to the id that was claimed, which is bound to itself:
        // one step, unless the binding expires between the two.
        for _ in 0..2 {
            let (sent, store_timeout) = (Sent::now(), self.dedupe.options.store_timeout);
            let call = async { self.dedupe.store.claim(&claim).await };
            let answer = match ask(store_timeout, call).await {
                Ok(answer) => answer,
                Err(error) => return self.store_failed(claim, &error),
            };
            match answer {
                ClaimAnswer::Acquired => {
                    self.lease.granted(sent);
                    return Ok(self.hold(claim));
                }
                ClaimAnswer::Completed => return Err(Rejection::AlreadyProcessed),
                ClaimAnswer::InFlight { lease } => {
                    return Err(Rejection::DeliveryInProgress { lease });
                }
                ClaimAnswer::Conflict => {
                    self.count(Incident::Conflict);
                    return Err(Rejection::DeliveryIdConflict);
                }
                ClaimAnswer::ReplayOf(first) => {
                    self.count(Incident::Replay);
                    claim.id = first;
                }
            }
        }
        let error = StoreError::Unavailable("its bindings lead from one id to another".into());
        self.store_failed(claim, &error)
    }

    /// The claim may have taken effect all the same. Then it is this run's, if
    /// it goes on; if not, it is given back, or lapses.
    fn store_failed(
        self: &Arc<Self>,
        claim: Claim,
        error: &StoreError,
    ) -> Result<DeliveryId, Rejection> {
        self.count_store_error(error);
        if self.dedupe.options.run_when_store_fails {
            self.count(Incident::RanUnclaimed);
            return Ok(self.hold(claim));
        }
        let run = Arc::clone(self);
        tokio::spawn(async move {
            let release = async { run.dedupe.store.release(&claim).await };
            let _ = ask(run.dedupe.options.store_timeout, release).await;
        });
        Err(Rejection::StoreUnavailable { reason: error.with_sources().into() })
    }

    fn count_store_error(&self, error: &StoreError) {
        log::store_error(error, self.id());
        self.count(match error {
            StoreError::Full { .. } => Incident::StoreFull,
            StoreError::Unavailable(_) => Incident::StoreFailed,
        });
    }
}

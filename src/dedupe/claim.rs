use std::sync::Arc;

use tokio::time::timeout;

use super::run::Run;
use super::{Dedupe, Incident};
use crate::store::{Claim, ClaimAnswer, Fingerprint, Store, StoreError};
use crate::{Delivery, Rejection, trace};

impl Run {
    /// Takes the delivery, under the id its bytes were first seen with.
    pub(super) async fn claim(self: &Arc<Self>, delivery: Delivery) -> Result<Delivery, Rejection> {
        let mut claim = self.claim_for(&delivery);
        // A binding leads to the id that was claimed, which is bound to itself:
        // one step, unless the binding expires between the two.
        for _ in 0..2 {
            let store = &self.dedupe.store;
            let answer = match timeout(self.dedupe.options.store_timeout, store.claim(&claim)).await
            {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => return self.store_failed(claim, &delivery, &error),
                Err(_) => return self.store_failed(claim, &delivery, &StoreError::too_slow()),
            };
            match answer {
                ClaimAnswer::Acquired => return Ok(self.hold(claim, &delivery)),
                ClaimAnswer::Completed => return Err(Rejection::AlreadyProcessed),
                ClaimAnswer::InFlight { lease } => {
                    return Err(Rejection::DeliveryInProgress { lease });
                }
                ClaimAnswer::Reused => {
                    self.count(Incident::IdReused);
                    return Err(Rejection::DeliveryIdReused);
                }
                ClaimAnswer::BoundTo(first) => {
                    self.count(Incident::Replayed);
                    claim.id = first;
                }
            }
        }
        let error = StoreError::Unavailable("its bindings lead from one id to another".into());
        self.store_failed(claim, &delivery, &error)
    }

    fn claim_for(&self, delivery: &Delivery) -> Claim {
        let Dedupe { scope, options, .. } = &*self.dedupe;
        let fingerprint = Fingerprint::of(delivery.body());
        Claim {
            replay_keys: delivery.verified().replay_keys().to_vec(),
            replay_window: delivery.verified().replay_window(),
            lease: options.lease,
            retention: options.retention,
            ..Claim::new(scope.clone(), delivery.id().clone(), fingerprint)
        }
    }

    fn hold(&self, claim: Claim, delivery: &Delivery) -> Delivery {
        let delivery = delivery.with_id(claim.id.clone());
        // Cannot be set already: a run claims once.
        let _ = self.claim.set(claim);
        delivery
    }

    /// The claim may have taken effect all the same. Then it is this run's, if
    /// it goes on; if not, it is given back, or lapses.
    fn store_failed(
        self: &Arc<Self>,
        claim: Claim,
        delivery: &Delivery,
        error: &StoreError,
    ) -> Result<Delivery, Rejection> {
        self.count_store_error(error);
        if self.dedupe.options.run_when_store_fails {
            self.count(Incident::RanUnclaimed);
            return Ok(self.hold(claim, delivery));
        }
        let run = Arc::clone(self);
        tokio::spawn(async move {
            let release = run.dedupe.store.release(&claim);
            let _ = timeout(run.dedupe.options.store_timeout, release).await;
        });
        Err(Rejection::StoreUnavailable { reason: error.with_sources().into() })
    }

    fn count_store_error(&self, error: &StoreError) {
        trace::store_error(error, self.id());
        self.count(match error {
            StoreError::Full { .. } => Incident::StoreFull,
            StoreError::Unavailable(_) => Incident::StoreFailed,
        });
    }
}

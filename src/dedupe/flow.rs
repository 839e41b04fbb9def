use std::sync::{Arc, OnceLock};

use tokio::time::{Instant, timeout};

use super::panic::catch_panic;
use super::settle::{Settlement, settle};
use super::slots::Slot;
use super::{Attached, Dedupe, Incident};
use crate::store::{Claim, ClaimAnswer, Fingerprint};
use crate::{Delivery, DeliveryId, Rejection, trace};

/// Runs the handler for a delivery unless it was, or is being, handled.
///
/// `handler` is given the delivery under the id it was first seen with;
/// `succeeded` says of its output whether the delivery is done.
pub(crate) fn handle_once<T, F>(
    dedupe: &Arc<Dedupe>,
    delivery: Delivery,
    handler: impl FnOnce(Delivery) -> F + Send + 'static,
    succeeded: fn(&T) -> bool,
) -> Attached<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let Some(slot) = dedupe.slots.take() else {
        dedupe.incidents.count(Incident::TooManyInFlight, Some(delivery.id()));
        let limit = dedupe.options.max_in_flight;
        return Attached::refused(Rejection::TooManyInFlight { limit });
    };
    let answer_by = Instant::from_std(delivery.received()) + dedupe.options.answer_deadline;
    let run = Arc::new(Run::new(Arc::clone(dedupe), slot, delivery.id().clone()));

    let claim_run_settle = {
        let run = Arc::clone(&run);
        async move {
            let delivery = run.claim(delivery).await?;
            let output = catch_panic(async { handler(delivery).await }).await;
            let done = output.as_ref().is_some_and(succeeded);
            settle(&run, if done { Settlement::Complete } else { Settlement::Release }).await;
            output.ok_or_else(|| {
                run.count(Incident::HandlerPanicked);
                Rejection::HandlerPanicked
            })
        }
    };
    Attached::new(run, Box::pin(claim_run_settle), answer_by)
}

/// One attempt at one delivery. Holds a slot for as long as anything of the
/// attempt is at work, in the connection's task or behind it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) dedupe: Arc<Dedupe>,
    pub(super) span: trace::Span,
    pub(super) started: Instant,
    /// As sent; the claim may be for the id it is bound to.
    id: DeliveryId,
    /// Set once the claim is ours.
    pub(super) claim: OnceLock<Claim>,
    /// Set once the handler has ended.
    pub(super) settling: OnceLock<()>,
    _slot: Slot,
}

impl Run {
    fn new(dedupe: Arc<Dedupe>, slot: Slot, id: DeliveryId) -> Self {
        Self {
            dedupe,
            id,
            span: trace::Span::current(),
            started: Instant::now(),
            claim: OnceLock::new(),
            settling: OnceLock::new(),
            _slot: slot,
        }
    }

    pub(super) fn count(&self, incident: Incident) {
        self.dedupe.incidents.count(incident, Some(&self.id));
    }

    /// Takes the delivery, under the id its bytes were first seen with.
    async fn claim(self: &Arc<Self>, delivery: Delivery) -> Result<Delivery, Rejection> {
        let mut claim = self.claim_for(&delivery);
        // A binding leads to the id that was claimed, which is bound to itself:
        // one step, unless the binding expires between the two.
        for _ in 0..2 {
            let store = &self.dedupe.store;
            match timeout(self.dedupe.options.store_timeout, store.claim(&claim)).await {
                Ok(Ok(ClaimAnswer::BoundTo(first))) => {
                    self.count(Incident::Replayed);
                    claim.id = first;
                }
                Ok(Ok(answer)) => {
                    self.judge(&answer)?;
                    return Ok(self.hold(claim, &delivery));
                }
                Ok(Err(_)) | Err(_) => return self.store_failed(claim, &delivery),
            }
        }
        self.store_failed(claim, &delivery)
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

    fn judge(&self, answer: &ClaimAnswer) -> Result<(), Rejection> {
        match answer {
            ClaimAnswer::Acquired => Ok(()),
            ClaimAnswer::Completed => Err(Rejection::AlreadyProcessed),
            ClaimAnswer::InFlight { lease } => Err(Rejection::DeliveryInProgress { lease: *lease }),
            ClaimAnswer::Reused => {
                self.count(Incident::IdReused);
                Err(Rejection::DeliveryIdReused)
            }
            ClaimAnswer::BoundTo(_) => Err(Rejection::StoreUnavailable),
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
    ) -> Result<Delivery, Rejection> {
        self.count(Incident::StoreFailed);
        if self.dedupe.options.run_when_store_fails {
            self.count(Incident::RanUnclaimed);
            return Ok(self.hold(claim, delivery));
        }
        let run = Arc::clone(self);
        tokio::spawn(async move {
            let release = run.dedupe.store.release(&claim);
            let _ = timeout(run.dedupe.options.store_timeout, release).await;
        });
        Err(Rejection::StoreUnavailable)
    }
}

use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::slots::Slot;
use super::{Dedupe, Incident};
use crate::delivery::Held;
use crate::store::Claim;
use crate::{DeliveryId, trace};

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
    pub(super) settling: OnceLock<Settlement>,
    slot: Arc<Slot>,
}

impl Run {
    pub(super) fn new(dedupe: Arc<Dedupe>, slot: Arc<Slot>, id: DeliveryId) -> Self {
        Self {
            dedupe,
            id,
            span: trace::Span::current(),
            started: Instant::now(),
            claim: OnceLock::new(),
            settling: OnceLock::new(),
            slot,
        }
    }

    pub(super) fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// What the delivery is to know of this claim of it.
    pub(super) fn held_by(&self, claim: &Claim) -> Held {
        let dedupe = Arc::clone(&self.dedupe);
        let by_event_id = claim.scope != dedupe.scope;
        Held { dedupe, slot: Arc::downgrade(&self.slot), by_event_id }
    }

    pub(super) fn count(&self, incident: Incident) {
        self.dedupe.incidents.count(incident, &self.id);
    }
}

/// How a delivery ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Settlement {
    /// The handler did its work: repeats are told so.
    Complete,
    /// It did not: a retry may run.
    Release,
}

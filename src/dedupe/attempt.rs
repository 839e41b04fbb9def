use std::sync::{Arc, OnceLock};

use tokio::time::Instant;

use super::lease::Lease;
use super::permits::Permit;
use super::{Dedupe, Incident};
use crate::delivery::Held;
use crate::observe::log;
use crate::store::{Claim, RecordKind};
use crate::{DeliveryId, Rejection};

/// One attempt at one delivery. Holds a permit for as long as anything of the
/// attempt is at work, in the connection's task or behind it.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) dedupe: Arc<Dedupe>,
    pub(super) span: log::Span,
    pub(super) started: Instant,
    /// As sent; the claim may be for the id it is bound to.
    id: DeliveryId,
    /// Set once the claim is ours.
    pub(super) claim: OnceLock<Claim>,
    pub(super) lease: Lease,
    /// Set once the handler has ended.
    pub(super) finalizing: OnceLock<Finalization>,
    permit: Arc<Permit>,
}

impl Attempt {
    pub(super) fn new(dedupe: Arc<Dedupe>, permit: Arc<Permit>, id: DeliveryId) -> Self {
        Self {
            lease: Lease::new(dedupe.options.lease),
            dedupe,
            id,
            span: log::Span::current(),
            started: Instant::now(),
            claim: OnceLock::new(),
            finalizing: OnceLock::new(),
            permit,
        }
    }

    pub(super) fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// The claim is to be completed or released. Its id may be the one that the signed bytes
    /// were first seen with.
    pub(super) fn hold(&self, claim: Claim) -> DeliveryId {
        let id = claim.id.clone();
        // Cannot be set already: a run claims once.
        let _ = self.claim.set(claim);
        id
    }

    /// Whether the handler may start. Not if the lease may have expired, or a renewal was
    /// told that it is lost: another attempt may be at work on the delivery by now, or may
    /// have done it.
    pub(super) fn may_start(&self) -> Result<(), Rejection> {
        if !self.lease.may_have_expired() && !self.lease.is_known_lost() {
            return Ok(());
        }
        // Nothing has run, so the loss is not counted as one.
        let _ = self.lease.note_loss();
        self.count(Incident::ClaimedTooLate);
        Err(Rejection::StoreUnavailable { reason: TOO_LATE.into() })
    }

    /// What the delivery is to know of this claim of it.
    pub(super) fn held_by(&self, claim: &Claim) -> Held {
        let dedupe = Arc::clone(&self.dedupe);
        let by_event_id = claim.kind == RecordKind::Event;
        Held { dedupe, permit: Arc::downgrade(&self.permit), by_event_id }
    }

    pub(super) fn count(&self, incident: Incident) {
        self.dedupe.incidents.count(incident, &self.id);
    }
}

const TOO_LATE: &str = "the claim no longer held for certain when the handler was to start: the \
    store lost it, or its lease may have expired while this process was stopped, a thread was \
    blocked, or the handler waited for its turn";

/// Lets a handler start, or no longer: to be asked when nothing is left to wait for.
#[cfg_attr(
    not(feature = "tower"),
    allow(dead_code, reason = "actix's services are never waited for")
)]
pub(crate) struct Start(pub(super) Arc<Attempt>);

#[cfg_attr(not(feature = "tower"), allow(dead_code, reason = "as above"))]
impl Start {
    pub(crate) fn now(self) -> Result<(), Rejection> {
        self.0.may_start()
    }
}

/// How a delivery ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Finalization {
    /// The handler did its work: repeats are told so.
    Complete,
    /// It did not: a retry may run.
    Release,
}

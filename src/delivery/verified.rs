use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::time::Instant;

use super::id::printable_ascii;
use crate::dedupe::{Dedupe, Permit};
use crate::receive::EventTypes;
use crate::{DeliveryId, Verified};

/// A verified delivery: what was learned on the way in, and the body's bytes.
///
/// [`VerifyLayer`](crate::VerifyLayer) puts it into the request's extensions; in
/// axum and actix-web it is an extractor. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    id: DeliveryId,
    facts: Arc<Facts>,
    held: Option<Held>,
}

/// What claimed a delivery, for the events in it to be claimed beside.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) dedupe: Arc<Dedupe>,
    /// Its place among the handlers at work, while it has one: a delivery may be kept
    /// for longer.
    pub(crate) permit: Weak<Permit>,
    /// The claim is its event's own.
    pub(crate) by_event_id: bool,
}

impl Held {
    /// The place of a delivery whose event is claimed with it, and still is: not when its
    /// handler has ended.
    pub(crate) fn of_its_event(&self) -> Option<Arc<Permit>> {
        self.permit.upgrade().filter(|_| self.by_event_id)
    }
}

struct Facts {
    verified: Verified,
    event_header: Option<Box<str>>,
    body: Bytes,
    received: Instant,
    event_types: EventTypes,
    mismatched: AtomicBool,
}

impl Delivery {
    /// `received` is when the request's head arrived: the response deadline
    /// counts from there.
    pub(crate) fn new(
        id: DeliveryId,
        event_header: Option<&str>,
        verified: Verified,
        body: Bytes,
        received: Instant,
        event_types: EventTypes,
    ) -> Self {
        let event_header = event_header.map(Into::into);
        let mismatched = AtomicBool::new(false);
        let facts = Facts { verified, event_header, body, received, event_types, mismatched };
        Self { id, facts: Arc::new(facts), held: None }
    }

    /// The delivery's id. Below [`DedupeLayer`](crate::DedupeLayer), of several
    /// requests with the same signed bytes, the id they were first seen with.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// The body, byte for byte as it was signed.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.facts.body
    }

    /// The `X-Nevent-Event` header, if it was there once and in plain ASCII.
    /// Not signed: route on the `type` in the body instead.
    #[must_use]
    pub fn event_header(&self) -> Option<&str> {
        self.facts.event_header.as_deref()
    }

    /// The proof, with the signature's time, age and matched secret.
    #[must_use]
    pub fn verified(&self) -> &Verified {
        &self.facts.verified
    }

    /// The name of the tenant that sent the delivery, if the layer has a verifier per tenant:
    /// see [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.verified().tenant()
    }

    pub(crate) fn event_types(&self) -> &EventTypes {
        &self.facts.event_types
    }

    /// Whether nobody has asked this before, of this delivery or a clone.
    pub(crate) fn is_first_mismatch(&self) -> bool {
        !self.facts.mismatched.swap(true, Ordering::Relaxed)
    }

    /// `None` above the deduplication, or without one.
    pub(crate) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    pub(crate) fn received(&self) -> Instant {
        self.facts.received
    }

    /// Claimed; its id is the claim's, unless that is its event's.
    pub(crate) fn claimed(self, as_id: DeliveryId, by: Held) -> Self {
        let id = if by.by_event_id { self.id } else { as_id };
        Self { id, facts: self.facts, held: Some(by) }
    }
}

/// Shows the body's length, not the body: it names people.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("event_header", &self.facts.event_header)
            .field("verified", &self.facts.verified)
            .field("body_length", &self.facts.body.len())
            .finish_non_exhaustive()
    }
}

/// The event header, if a single line of printable ASCII.
pub(crate) fn event_header<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a str> {
    let mut lines = lines.into_iter();
    let line = lines.next().filter(|line| line.len() <= 128)?;
    match lines.next() {
        None => printable_ascii(line),
        Some(_) => None,
    }
}

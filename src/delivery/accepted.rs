use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

#[cfg(feature = "schemes")]
use super::body_field::body_field;
use super::id::printable_ascii;
use super::proof::Proof;
use super::{ClaimHandle, DeliveryId, DeliveryIdError};
use crate::metrics::EventAge;
use crate::scheme::{IdSource, Identity, Places, Terms};

/// A delivery that a layer accepted, with its proof. Cheap to clone. [`Delivery`](super::Delivery) and
/// `TokenDelivery` wrap it, so that the public types keep the proofs apart.
pub struct Accepted<P> {
    facts: Arc<Facts<P>>,
    claim: Option<ClaimHandle>,
    /// Set if the delivery was claimed under another id than its own.
    claimed_id: Option<DeliveryId>,
}

struct Facts<P> {
    id: DeliveryId,
    proof: P,
    id_source: IdSource,
    event_header: Option<Arc<str>>,
    version_header: Option<Arc<str>>,
    #[cfg(feature = "queue")]
    signed_headers: [Option<&'static str>; 3],
    terms: Terms,
    body: Bytes,
    received: Instant,
    event_age: EventAge,
}

impl<P: Proof> Accepted<P> {
    /// Finds the delivery's id where its sender puts it. `lines_of` returns the values of all lines of
    /// a header. `received` is when the request's head arrived. The response deadline counts from that
    /// moment.
    pub(crate) fn new<'a, L: Iterator<Item = &'a [u8]>>(
        sender: &Places,
        lines_of: impl Fn(&'static str) -> L,
        proof: P,
        body: Bytes,
        received: Instant,
    ) -> Result<Self, DeliveryIdError> {
        let (id, id_source) = find_id(sender, &lines_of, &proof, &body)?;
        let plain = |name: Option<&'static str>| plain_line(lines_of(name?)).map(Into::into);
        let facts = Facts {
            id,
            id_source,
            event_header: plain(sender.event_header),
            version_header: plain(sender.version_header),
            #[cfg(feature = "queue")]
            signed_headers: sender.signed_headers,
            terms: sender.terms,
            proof,
            body,
            received,
            event_age: <_>::default(),
        };
        Ok(Self { facts: Arc::new(facts), claim: None, claimed_id: None })
    }

    pub(crate) fn id(&self) -> &DeliveryId {
        self.claimed_id.as_ref().unwrap_or(&self.facts.id)
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.facts.body
    }

    pub(crate) fn identity(&self) -> Identity {
        self.facts.id_source.identity()
    }

    pub(crate) fn event_header(&self) -> Option<&str> {
        self.facts.event_header.as_deref()
    }

    pub(crate) fn version_header(&self) -> Option<&str> {
        self.facts.version_header.as_deref()
    }

    /// `None` above a `DedupeLayer`, or without one.
    pub(crate) fn claim(&self) -> Option<&ClaimHandle> {
        self.claim.as_ref()
    }

    pub(crate) fn proof(&self) -> &P {
        &self.facts.proof
    }

    pub(crate) fn shared_event_header(&self) -> Option<&Arc<str>> {
        self.facts.event_header.as_ref()
    }

    #[cfg(any(feature = "tower", feature = "events"))]
    pub(crate) fn id_source(&self) -> IdSource {
        self.facts.id_source
    }

    /// The names of the headers without which the signature cannot be checked.
    #[cfg(feature = "queue")]
    pub(crate) fn signed_headers(&self) -> impl Iterator<Item = &'static str> {
        self.facts.signed_headers.into_iter().flatten()
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.facts.terms
    }

    pub(crate) fn received(&self) -> Instant {
        self.facts.received
    }

    /// Records the age of the event for metrics, once for all clones. Both times are in Unix seconds.
    #[cfg(feature = "events")]
    pub(crate) fn record_event_age(&self, created: i64, received: i64) {
        self.facts.event_age.record_once(created, received);
    }

    /// The delivery under the id that was claimed, with the claim.
    pub(crate) fn claimed(&self, id: DeliveryId, claim: ClaimHandle) -> Self {
        let claimed_id = Some(id).filter(|id| *id != self.facts.id);
        Self { facts: Arc::clone(&self.facts), claim: Some(claim), claimed_id }
    }
}

/// Implemented by hand because a derived `Clone` would need a proof that is `Clone`.
impl<P> Clone for Accepted<P> {
    fn clone(&self) -> Self {
        let (claim, claimed_id) = (self.claim.clone(), self.claimed_id.clone());
        Self { facts: Arc::clone(&self.facts), claim, claimed_id }
    }
}

/// Shows the body's length. The body itself contains personal data.
impl<P: Proof> fmt::Debug for Accepted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(P::DELIVERY)
            .field("id", self.id())
            .field("event_header", &self.facts.event_header)
            .field("proof", &self.facts.proof)
            .field("body_length", &self.facts.body.len())
            .finish_non_exhaustive()
    }
}

/// The id of a delivery, and where it was found.
#[cfg_attr(not(feature = "schemes"), expect(unused_variables, reason = "the body has no id"))]
fn find_id<'a, L: Iterator<Item = &'a [u8]>>(
    sender: &Places,
    lines_of: &impl Fn(&'static str) -> L,
    proof: &impl Proof,
    body: &[u8],
) -> Result<(DeliveryId, IdSource), DeliveryIdError> {
    let id = match sender.id {
        IdSource::Header(name) => DeliveryId::from_lines(lines_of(name))?,
        IdSource::SignedHeader => {
            DeliveryId::new(proof.signed_id().ok_or(DeliveryIdError::Missing)?)?
        }
        #[cfg(feature = "schemes")]
        IdSource::BodyField(path) => match body_field(body, path) {
            Some(id) => DeliveryId::of_event(&id),
            None => return Ok((DeliveryId::of_body(body), IdSource::BodyHash)),
        },
        #[cfg(feature = "schemes")]
        IdSource::BodyHash => DeliveryId::of_body(body),
    };
    Ok((id, sender.id))
}

/// The value of a header, if it is a single line of at most 128 bytes of printable ASCII.
fn plain_line<'a>(mut lines: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let line = lines.next().filter(|line| line.len() <= 128)?;
    match lines.next() {
        None => printable_ascii(line),
        Some(_) => None,
    }
}

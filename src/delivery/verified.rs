use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::id::printable_ascii;
use super::{ClaimHandle, DeliveryId};
use crate::Verified;

/// A verified delivery: its id, its body and the proof of its signature. Plain data, cheap to clone.
///
/// [`VerifyLayer`](crate::VerifyLayer) puts it into the request's extensions. In axum and actix-web
/// it is an extractor.
///
/// ```
/// use nevent_webhooks::Delivery;
///
/// async fn handle(delivery: Delivery) {
///     println!("{}: {} bytes", delivery.id(), delivery.body().len());
///     println!("signed {} s ago", delivery.verified().age());
/// }
/// ```
#[derive(Clone)]
pub struct Delivery {
    id: DeliveryId,
    facts: Arc<Facts>,
    claim: Option<ClaimHandle>,
}

struct Facts {
    verified: Verified,
    event_header: Option<Arc<str>>,
    body: Bytes,
    received: Instant,
}

impl Delivery {
    /// `received` is when the request's head arrived. The response deadline counts from that moment.
    pub(crate) fn new(
        id: DeliveryId,
        event_header: Option<&str>,
        verified: Verified,
        body: Bytes,
        received: Instant,
    ) -> Self {
        let event_header = event_header.map(Into::into);
        let facts = Facts { verified, event_header, body, received };
        Self { id, facts: Arc::new(facts), claim: None }
    }

    /// The delivery's id. If the same signed bytes arrived earlier under a different id,
    /// below [`DedupeLayer`](crate::DedupeLayer) this is the first id.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.id
    }

    /// The body, byte for byte as it was signed.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.facts.body
    }

    /// The value of the `X-Nevent-Event` header, if there is one line of printable ASCII. The header
    /// is not signed: route on the `type` in the body instead.
    #[must_use]
    pub fn event_header(&self) -> Option<&str> {
        self.facts.event_header.as_deref()
    }

    /// The proof of verification, with the signature's time and age and the secret that matched.
    #[must_use]
    pub fn verified(&self) -> &Verified {
        &self.facts.verified
    }

    /// The claim under which the handler runs. `None` above
    /// [`DedupeLayer`](crate::DedupeLayer), or without one.
    #[must_use]
    pub fn claim(&self) -> Option<&ClaimHandle> {
        self.claim.as_ref()
    }

    /// The name of the tenant that sent the delivery, if the layer has a verifier per tenant:
    /// see [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.verified().tenant()
    }

    pub(crate) fn shared_event_header(&self) -> Option<&Arc<str>> {
        self.facts.event_header.as_ref()
    }

    pub(crate) fn received(&self) -> Instant {
        self.facts.received
    }

    /// The delivery under the id that was claimed, with the claim.
    pub(crate) fn claimed(self, id: DeliveryId, claim: ClaimHandle) -> Self {
        Self { id, facts: self.facts, claim: Some(claim) }
    }
}

/// Shows the body's length. The body itself contains personal data.
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

/// The event header, if it is a single line of at most 128 bytes of printable ASCII.
pub(crate) fn event_header<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<&'a str> {
    let mut lines = lines.into_iter();
    let line = lines.next().filter(|line| line.len() <= 128)?;
    match lines.next() {
        None => printable_ascii(line),
        Some(_) => None,
    }
}

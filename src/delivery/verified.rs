use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

#[cfg(feature = "schemes")]
use super::body_field::body_field;
use super::id::printable_ascii;
use super::{ClaimHandle, DeliveryId, DeliveryIdError};
use crate::Verified;
use crate::scheme::{IdSource, Identity, Sender, Terms};

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
///     println!("signed {:?} s ago", delivery.verified().age());
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
    id_source: IdSource,
    event_header: Option<Arc<str>>,
    version_header: Option<Arc<str>>,
    terms: Terms,
    body: Bytes,
    received: Instant,
}

impl Delivery {
    /// Finds the delivery's id where its sender puts it. `lines_of` returns the values of all lines of
    /// a header. `received` is when the request's head arrived. The response deadline counts from that
    /// moment.
    pub(crate) fn new<'a, L: Iterator<Item = &'a [u8]>>(
        sender: &Sender,
        lines_of: impl Fn(&'static str) -> L,
        verified: Verified,
        body: Bytes,
        received: Instant,
    ) -> Result<Self, DeliveryIdError> {
        let (id, id_source) = find_id(sender, &lines_of, &verified, &body)?;
        let plain = |name: Option<&'static str>| plain_line(lines_of(name?)).map(Into::into);
        let facts = Facts {
            id_source,
            event_header: plain(sender.event_header),
            version_header: plain(sender.version_header),
            terms: sender.terms,
            verified,
            body,
            received,
        };
        Ok(Self { id, facts: Arc::new(facts), claim: None })
    }

    /// The delivery's id, by which it is deduplicated. If the sender gives no id, this is
    /// `sha256:` and the hash of the body in hex. If the same signed bytes arrived earlier under a different id,
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

    /// Where the id comes from. It decides how the delivery is deduplicated.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.facts.id_source.identity()
    }

    /// The name of the sender's scheme: `"nevent"` unless you chose another.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        self.verified().scheme()
    }

    /// The value of the header that names the event's type, such as `X-Nevent-Event`, if there is one
    /// line of printable ASCII. The header is not signed: route on the `type` in the body instead.
    #[must_use]
    pub fn event_header(&self) -> Option<&str> {
        self.facts.event_header.as_deref()
    }

    /// The value of the header that names the version of the body's format, if the sender has such a
    /// header and there is one line of printable ASCII. The header is not signed.
    #[must_use]
    pub fn version_header(&self) -> Option<&str> {
        self.facts.version_header.as_deref()
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

    #[cfg(feature = "tower")]
    pub(crate) fn id_source(&self) -> IdSource {
        self.facts.id_source
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.facts.terms
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

/// The id of a delivery, and where it was found.
#[cfg_attr(not(feature = "schemes"), expect(unused_variables, reason = "the body has no id"))]
fn find_id<'a, L: Iterator<Item = &'a [u8]>>(
    sender: &Sender,
    lines_of: &impl Fn(&'static str) -> L,
    verified: &Verified,
    body: &[u8],
) -> Result<(DeliveryId, IdSource), DeliveryIdError> {
    let id = match sender.id {
        IdSource::Header(name) => DeliveryId::from_lines(lines_of(name))?,
        IdSource::SignedHeader => {
            DeliveryId::new(verified.signed_id().ok_or(DeliveryIdError::Missing)?)?
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

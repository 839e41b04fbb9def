use std::fmt;

use bytes::Bytes;

use super::accepted::Accepted;
use super::proof::AnyDelivery;
use super::{ClaimHandle, DeliveryId};
use crate::Verified;
use crate::scheme::Identity;

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
pub struct Delivery(Accepted<Verified>);

impl Delivery {
    /// The delivery's id, by which it is deduplicated. If the sender gives no id, this is `sha256:`
    /// and the hash of the body in hex. If the same signed bytes arrived earlier under a different
    /// id, below [`DedupeLayer`](crate::DedupeLayer) this is the first id.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        self.0.id()
    }

    /// The body, byte for byte as it was signed.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.0.body()
    }

    /// Where the id comes from. It decides how the delivery is deduplicated.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.0.identity()
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
        self.0.event_header()
    }

    /// The value of the header that names the version of the body's format, if the sender has such a
    /// header and there is one line of printable ASCII. The header is not signed.
    #[must_use]
    pub fn version_header(&self) -> Option<&str> {
        self.0.version_header()
    }

    /// The proof of verification, with the signature's time and age and the secret that matched.
    #[must_use]
    pub fn verified(&self) -> &Verified {
        self.0.proof()
    }

    /// The claim under which the handler runs. `None` above
    /// [`DedupeLayer`](crate::DedupeLayer), or without one.
    #[must_use]
    pub fn claim(&self) -> Option<&ClaimHandle> {
        self.0.claim()
    }

    /// The name of the tenant that sent the delivery, if the layer has a verifier per tenant:
    /// see [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant).
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.verified().tenant()
    }
}

impl AnyDelivery for Delivery {
    type Proof = Verified;

    fn of(accepted: Accepted<Verified>) -> Self {
        Self(accepted)
    }

    fn accepted(&self) -> &Accepted<Verified> {
        &self.0
    }
}

/// Shows the body's length. The body itself contains personal data.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

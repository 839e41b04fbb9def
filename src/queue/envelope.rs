mod error;
mod fields;
mod headers;
mod json;
mod of_delivery;
mod percent;
mod signature;
#[cfg(test)]
mod tests;
mod trace;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use self::error::{EnvelopeError, EnvelopeVerifyError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub(super) use self::signature::signed_headers;
use self::trace::Trace;
use crate::dedupe::{EventName, Subject};
use crate::delivery::read_json;
use crate::event::{Event, EventError};
use crate::metrics::event_age;
use crate::{DedupeKey, DeliveryId};

/// A delivery, or one event of a batch, on its way through a queue: the signed bytes and what the
/// receiver verified. Cheap to clone.
///
/// It travels as JSON ([`Envelope::to_json`]), or as headers and a body ([`Envelope::headers`]). Both
/// have the same version of one format, and both keep every byte of the body.
///
/// ```
/// use nevent_webhooks::queue::Envelope;
/// use nevent_webhooks::testing::SignedDelivery;
/// use nevent_webhooks::{Event, Secret};
///
/// # let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let body = r#"{"id":"evt_1","type":"ping","created":1640995200,"data":{}}"#;
/// let delivery = SignedDelivery::new(&secret, "d-1", body).verified(&secret)?;
///
/// let json = Envelope::of(&delivery).to_json();
/// let envelope = Envelope::from_json(json)?;
/// assert_eq!((envelope.id().as_str(), envelope.event_type()), ("evt_1", Some("ping")));
/// let event: Event = envelope.event()?;
/// assert_eq!(event.id, "evt_1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An envelope proves nothing by itself: everyone who can write to the queue can make one. See
/// [`Envelope::verify`].
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    head: Arc<Head>,
    body: Bytes,
}

#[derive(Clone, PartialEq, Eq)]
struct Head {
    id: DeliveryId,
    dedupe_key: DedupeKey,
    delivery_id: DeliveryId,
    position: Option<u32>,
    scheme: String,
    event_type: Option<String>,
    event_header: Option<String>,
    version_header: Option<String>,
    is_readable: bool,
    received_at: i64,
    signed_at: Option<i64>,
    secret: String,
    tenant: Option<Arc<str>>,
    endpoint: Option<String>,
    trace: Option<Trace>,
    /// The headers of the signature, with their values. Empty unless they are kept.
    signature: Vec<(String, String)>,
}

impl Envelope {
    /// The version of the format.
    pub const VERSION: u64 = 1;

    /// The id to deduplicate by: the id of the signed event if the body is an event of Nevent's,
    /// otherwise the id of the delivery. [`Envelope::dedupe_key`] says which of the two.
    ///
    /// An event's id that is longer than 128 bytes or not printable ASCII is replaced by its SHA-256.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        &self.head.id
    }

    /// Whether [`Envelope::id`] is the id of the event or of the delivery.
    #[must_use]
    pub fn dedupe_key(&self) -> DedupeKey {
        self.head.dedupe_key
    }

    /// The id of the delivery. Nevent does not sign it.
    #[must_use]
    pub fn delivery_id(&self) -> &DeliveryId {
        &self.head.delivery_id
    }

    /// The event's position in its batch, from 0. `None` for a whole delivery.
    #[must_use]
    pub fn position(&self) -> Option<u32> {
        self.head.position
    }

    /// The name of the sender's scheme, such as `"nevent"`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.head.scheme
    }

    /// The type of the event, as its signed body says. `None` if the body is no event, or its type is
    /// longer than 256 bytes. The event header, which is not signed, is never used.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.head.event_type.as_deref()
    }

    /// The header that names the event's type, as for
    /// [`Delivery::event_header`](crate::Delivery::event_header). GitHub and Shopify name it nowhere
    /// else. It is not signed.
    #[must_use]
    pub fn event_header(&self) -> Option<&str> {
        self.head.event_header.as_deref()
    }

    /// The header that names the version of the body's format, as for
    /// [`Delivery::version_header`](crate::Delivery::version_header). It is not signed.
    #[must_use]
    pub fn version_header(&self) -> Option<&str> {
        self.head.version_header.as_deref()
    }

    /// `false` for what Nevent sent, and no handler can read: not an object with an `id`, a `type` and a
    /// time. Park such an entry, for somebody to look at. The sender will not send it again.
    ///
    /// Of another sender nothing is known, and this is always `true`.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.head.is_readable
    }

    /// The scope of the receiver's `DedupeLayer`. Entries of different receivers are different, even if
    /// their ids are the same. `None` if the envelope was made above the layer.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.head.endpoint.as_deref()
    }

    /// The signed bytes as they came. Of a batch these are the bytes of the one event, which have no
    /// signature of their own.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// When the receiver had the whole body, in Unix milliseconds by its clock.
    #[must_use]
    pub fn received_at_millis(&self) -> i64 {
        self.head.received_at
    }

    /// When the delivery was signed, in Unix seconds. `None` if the sender's signature covers no time.
    #[must_use]
    pub fn signed_at(&self) -> Option<i64> {
        self.head.signed_at
    }

    /// The name of the secret that matched.
    #[must_use]
    pub fn secret_name(&self) -> &str {
        &self.head.secret
    }

    /// The name of the tenant that sent the delivery, if the receiver has a verifier per tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.head.tenant.as_deref()
    }

    /// Reads the event from the body, as [`Delivery::event`](crate::Delivery::event) does. (Give the
    /// type: `let event: Event = …`.)
    ///
    /// # Errors
    ///
    /// The body is not an event, or its `data` is of another shape.
    pub fn event<T>(&self) -> Result<Event<T>, EventError>
    where
        Event<T>: DeserializeOwned,
    {
        let event = Event::from_json(&self.body)?;
        let received = self.received_at_millis().div_euclid(1000);
        event_age(event.created.as_second(), received);
        Ok(event)
    }

    /// Reads the body as your own type, as [`Delivery::json`](crate::Delivery::json) does.
    ///
    /// # Errors
    ///
    /// The body is not JSON, or not of this type. The error shows no value.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, EventError> {
        read_json(&self.body)
    }

    /// The id under which a consumer claims the entry. The ids of events, of deliveries and of the parts
    /// of deliveries are apart, and so are those of each receiver: one sender could otherwise use up the
    /// ids of another. A part is known by its bytes, too: a retry may have the parts in another order.
    pub(super) fn claim_id(&self) -> DeliveryId {
        let Head { id, position, .. } = &*self.head;
        let endpoint = self.endpoint().unwrap_or_default();
        let length = endpoint.len();
        match (self.head.dedupe_key, position) {
            (DedupeKey::EventId, _) => {
                DeliveryId::of_entry(format_args!("e{length}:{endpoint}"), id)
            }
            (DedupeKey::DeliveryId, None) => {
                DeliveryId::of_entry(format_args!("d{length}:{endpoint}"), id)
            }
            (DedupeKey::DeliveryId, Some(position)) => {
                let part = DeliveryId::of_part(id, *position, self.body());
                DeliveryId::of_entry(format_args!("p{length}:{endpoint}"), &part)
            }
        }
    }

    /// The entry's names, for the observers of a consumer.
    pub(super) fn subject(&self) -> Subject {
        let event = (self.head.dedupe_key == DedupeKey::EventId).then(|| EventName {
            id: self.id().as_str().to_owned(),
            event_type: self.event_type().unwrap_or_default().to_owned(),
        });
        Subject::entry(self.delivery_id().clone(), event)
    }

    pub(super) fn shared_tenant(&self) -> Option<&Arc<str>> {
        self.head.tenant.as_ref()
    }
}

/// Shows the body's length. The body itself contains personal data.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("id", self.id())
            .field("dedupe_key", &self.dedupe_key())
            .field("delivery_id", self.delivery_id())
            .field("position", &self.position())
            .field("event_type", &self.event_type())
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

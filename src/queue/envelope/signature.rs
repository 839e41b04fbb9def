//! The signature of an envelope: kept by the hand-over, verified again by the consumer.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::fields::LONGEST_TYPE;
use super::{Envelope, EnvelopeVerifyError, Head};
use crate::delivery::AnyDelivery;
#[cfg(feature = "schemes")]
use crate::delivery::body_field;
use crate::event::Event;
use crate::scheme::{DELIVERY_HEADER, IdSource};
use crate::{DedupeKey, Delivery, DeliveryId, Verified, Verifier};

impl Envelope {
    /// The envelope of a whole delivery, with the headers of its signature. `lines_of` returns the values
    /// of all lines of a header of the request, as for [`Verifier::begin_request`].
    ///
    /// [`HandOver::keep_signature`](crate::queue::HandOver::keep_signature) does this for you.
    ///
    /// The signature is left out unless each of its headers has one line of text.
    #[must_use]
    pub fn with_signature<'a, L: IntoIterator<Item = &'a [u8]>>(
        delivery: &Delivery,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Self {
        Self::of(delivery).signed(signed_headers(delivery, lines_of))
    }

    pub(in crate::queue) fn signed(mut self, headers: Option<Vec<(String, String)>>) -> Self {
        Arc::make_mut(&mut self.head).signature = headers.unwrap_or_default();
        self
    }

    /// Verifies the signature again, for a queue that others can write to.
    ///
    /// The envelope must have its signature: see
    /// [`HandOver::keep_signature`](crate::queue::HandOver::keep_signature). The signature's age is
    /// checked as of [`Envelope::received_at_millis`], because the entry may have waited for long. That
    /// time is not signed. Check it yourself if an old delivery must not be put again.
    ///
    /// The ids and the type of the event are compared with the signed bytes. What the sender did not sign
    /// is not checked: a delivery id from a header, such as Nevent's, the event and version headers, the
    /// name of the secret, the tenant, the endpoint and the trace context. For receivers with a verifier
    /// per tenant, choose the verifier by [`Envelope::tenant`].
    ///
    /// ```
    /// use nevent_webhooks::queue::Envelope;
    /// use nevent_webhooks::{Secret, Verifier, testing::SignedDelivery};
    ///
    /// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// let sent = SignedDelivery::new(&secret, "d-1", "{}");
    /// let headers: Vec<_> = sent.headers().collect();
    /// let envelope = Envelope::with_signature(&sent.verified(&secret)?, |name| {
    ///     headers.iter().filter(move |(header, _)| *header == name).map(|(_, value)| value.as_bytes())
    /// });
    ///
    /// let envelope = Envelope::from_json(envelope.to_json())?;
    /// assert!(envelope.verify(&Verifier::new(secret)).is_ok());
    /// let other = Secret::new("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh")?;
    /// assert!(envelope.verify(&Verifier::new(other)).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`EnvelopeVerifyError::PartOfBatch`] for an event of a batch, which has no signature of its own:
    /// the sender signed the batch as a whole. Otherwise see [`EnvelopeVerifyError`].
    pub fn verify<T, K>(&self, verifier: &Verifier<T, K>) -> Result<Verified, EnvelopeVerifyError> {
        let Head { signature, position, received_at, .. } = &*self.head;
        if position.is_some() {
            return Err(EnvelopeVerifyError::PartOfBatch);
        }
        if signature.is_empty() {
            return Err(EnvelopeVerifyError::NoSignature);
        }
        let mut verification = verifier.begin_request(|name| {
            let of_name = signature.iter().filter(move |(header, _)| header == name);
            of_name.map(|(_, value)| value.as_bytes())
        })?;
        verification.update(self.body());
        let proof = verification.finish(received_at.div_euclid(1000))?;
        self.compare(verifier.sender().id, &proof)?;
        Ok(proof)
    }

    /// Compares the fields with what the signed bytes say.
    fn compare(&self, source: IdSource, verified: &Verified) -> Result<(), EnvelopeVerifyError> {
        let changed = |field| Err(EnvelopeVerifyError::Changed { field });
        let event = Event::<IgnoredAny>::from_json(self.body()).ok();
        let of_event = event.as_ref().filter(|_| source == IdSource::Header(DELIVERY_HEADER));
        let (key, id) = match of_event {
            Some(event) => (DedupeKey::EventId, Some(DeliveryId::of_event(&event.id))),
            None => (DedupeKey::DeliveryId, self.signed_id(source, verified)),
        };
        if self.dedupe_key() != key {
            return changed("dedupe_key");
        }
        if id.as_ref() != Some(self.id()) {
            return changed("id");
        }
        if self.signed_at() != verified.timestamp() {
            return changed("signed_at");
        }
        if self.scheme() != verified.scheme() {
            return changed("scheme");
        }
        let is_nevents = source == IdSource::Header(DELIVERY_HEADER);
        if self.is_readable() != (event.is_some() || !is_nevents) {
            return changed("is_readable");
        }
        let of_body = event.as_ref().map(|event| event.event_type.as_str());
        if self.event_type() != of_body.filter(|named| named.len() <= LONGEST_TYPE) {
            return changed("event_type");
        }
        if Some(self.delivery_id()) != self.signed_id(source, verified).as_ref() {
            return changed("delivery_id");
        }
        Ok(())
    }

    /// The delivery's id as the signed bytes say, or as it is if nobody signed it.
    fn signed_id(&self, source: IdSource, verified: &Verified) -> Option<DeliveryId> {
        match source {
            IdSource::Header(_) => Some(self.delivery_id().clone()),
            IdSource::SignedHeader => DeliveryId::new(verified.signed_id()?).ok(),
            #[cfg(feature = "schemes")]
            IdSource::BodyField(path) => Some(match body_field(self.body(), path) {
                Some(id) => DeliveryId::of_event(&id),
                None => DeliveryId::of_body(self.body()),
            }),
            #[cfg(feature = "schemes")]
            IdSource::BodyHash => Some(DeliveryId::of_body(self.body())),
        }
    }
}

/// The headers of a signature with their values. `None` unless each has one line of text.
pub(in crate::queue) fn signed_headers<'a, L: IntoIterator<Item = &'a [u8]>>(
    delivery: &Delivery,
    lines_of: impl Fn(&'static str) -> L,
) -> Option<Vec<(String, String)>> {
    let names = delivery.accepted().signed_headers();
    let pair = |name: &'static str| {
        let mut lines = lines_of(name).into_iter();
        let line = lines.next().filter(|_| lines.next().is_none())?;
        Some((name.to_owned(), str::from_utf8(line).ok()?.to_owned()))
    };
    names.map(pair).collect()
}

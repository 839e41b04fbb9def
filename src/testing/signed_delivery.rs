use std::fmt;

use crate::scheme::{Scheme, TextKey, Timed};
use crate::{Clock, Secret, Signer, SystemClock};
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
use crate::{Delivery, Rejection, Verified, VerifyError, delivery::AnyDelivery};

/// A delivery that a receiver with the same secret and scheme accepts.
///
/// ```
/// use nevent_webhooks::Secret;
/// use nevent_webhooks::testing::SignedDelivery;
///
/// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let delivery = SignedDelivery::new(&secret, "d-1", r#"{"id":"evt_1"}"#).event("fan.created");
/// for (name, value) in delivery.headers() {
///     println!("{name}: {value}"); // for the request of any HTTP client
/// }
/// # assert_eq!(delivery.headers().count(), 3);
/// # Ok::<(), nevent_webhooks::SecretError>(())
/// ```
///
/// The type parameters are those of the [`Scheme`]: whether the signature covers a time, and how a
/// secret's text becomes a key.
#[must_use]
pub struct SignedDelivery<T = Timed, K = TextKey> {
    scheme: Scheme<T, K>,
    signer: Signer<T, K>,
    parts: Parts,
}

#[derive(Clone)]
struct Parts {
    id: String,
    event: Option<String>,
    version: Option<String>,
    body: Vec<u8>,
    unix_seconds: i64,
}

impl SignedDelivery {
    /// Creates a delivery of Nevent's with this id and body, signed now.
    pub fn new(secret: &Secret, id: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self::for_scheme(Scheme::nevent(), secret, id, body)
    }
}

impl<K> SignedDelivery<Timed, K> {
    /// Signs at another time, in Unix seconds, to test late deliveries or to match a clock that the
    /// test drives.
    pub fn signed_at(mut self, unix_seconds: i64) -> Self {
        self.parts.unix_seconds = unix_seconds;
        self
    }
}

impl<T, K> SignedDelivery<T, K> {
    /// Creates a delivery of this scheme's sender with this id and body, signed now.
    ///
    /// The id is put into the scheme's header for it. If the scheme takes the id from the body or from
    /// its hash, write it into the body. The `id` given here then has no effect.
    ///
    #[cfg_attr(feature = "schemes", doc = "```")]
    #[cfg_attr(not(feature = "schemes"), doc = "```ignore")]
    /// use nevent_webhooks::Secret;
    /// use nevent_webhooks::scheme::Scheme;
    /// use nevent_webhooks::testing::SignedDelivery;
    ///
    /// let secret = Secret::new("4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f")?;
    /// let delivery = SignedDelivery::for_scheme(Scheme::github(), &secret, "d-1", "{}").event("ping");
    /// let names: Vec<_> = delivery.headers().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["x-hub-signature-256", "x-github-delivery", "x-github-event"]);
    /// # Ok::<(), nevent_webhooks::SecretError>(())
    /// ```
    ///
    /// A signature without a time has no [`signed_at`](SignedDelivery::signed_at):
    ///
    #[cfg_attr(feature = "schemes", doc = "```compile_fail,E0599")]
    #[cfg_attr(not(feature = "schemes"), doc = "```ignore")]
    /// # use nevent_webhooks::Secret;
    /// # use nevent_webhooks::scheme::Scheme;
    /// # use nevent_webhooks::testing::SignedDelivery;
    /// # let secret = Secret::new("4f1c1d8e0b7a4c5d9e2f3a6b7c8d9e0f").unwrap();
    /// SignedDelivery::for_scheme(Scheme::github(), &secret, "d-1", "{}").signed_at(1_640_995_200);
    /// ```
    pub fn for_scheme(
        scheme: Scheme<T, K>,
        secret: &Secret<K>,
        id: impl Into<String>,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        let (id, body, unix_seconds) = (id.into(), body.into(), SystemClock.unix_seconds());
        let parts = Parts { id, event: None, version: None, body, unix_seconds };
        Self { scheme, signer: scheme.signer(secret), parts }
    }

    /// Adds the header that names the event's type, such as `X-Nevent-Event`. By default there is no
    /// such header. Has no effect if the scheme knows no such header, because its sender sends none.
    pub fn event(mut self, event_type: impl Into<String>) -> Self {
        self.parts.event = Some(event_type.into());
        self
    }

    /// Adds the header that names the version of the body's format. By default there is no such header.
    /// Has no effect if the scheme knows no such header. Nevent's knows none.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.parts.version = Some(version.into());
        self
    }

    /// The names and values of the delivery's headers. The names are in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Parts { id, event, version, body, unix_seconds } = &self.parts;
        let signed = self.signer.all_headers(id, *unix_seconds, body);
        let sender = &self.scheme.sender;
        let event = sender.event_header.zip(event.clone());
        let version = sender.version_header.zip(version.clone());
        signed.into_iter().chain(event).chain(version)
    }

    /// The body, as it was signed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.parts.body
    }

    /// The verified delivery as a handler gets it, for unit tests of handlers. It has no claim.
    ///
    /// ```
    /// use nevent_webhooks::testing::SignedDelivery;
    /// use nevent_webhooks::{Delivery, Secret};
    ///
    /// fn handle(delivery: &Delivery) -> usize {
    ///     delivery.body().len()
    /// }
    ///
    /// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// let delivery = SignedDelivery::new(&secret, "d-1", "{}").verified(&secret)?;
    /// assert_eq!(handle(&delivery), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The [`Rejection`] of a layer with this scheme and this secret, if the delivery was signed
    /// with another secret, its id is not a valid [`DeliveryId`](crate::DeliveryId), or a signed id
    /// contains the separator of what is signed.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub fn verified(&self, secret: &Secret<K>) -> Result<Delivery, Rejection> {
        let headers: Vec<_> = self.headers().collect();
        let lines_of = |name| {
            let of_name = headers.iter().filter(move |(header, _)| *header == name);
            of_name.map(|(_, value)| value.as_bytes())
        };
        let verified = self.verify(secret, lines_of).map_err(|error| self.rejection(error))?;
        let (body, received) = (self.parts.body.clone().into(), tokio::time::Instant::now());
        let places = self.scheme.sender.places();
        let accepted = crate::delivery::Accepted::new(&places, lines_of, verified, body, received)?;
        Ok(Delivery::of(accepted))
    }

    /// Verifies at the time of the signature, however long ago that is.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    fn verify<'a, L: Iterator<Item = &'a [u8]>>(
        &self,
        secret: &Secret<K>,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<Verified, VerifyError> {
        let verifier = self.scheme.verifier(secret.clone());
        let mut verification = verifier.begin_request(lines_of)?;
        verification.update(&self.parts.body);
        verification.finish(self.parts.unix_seconds)
    }

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    fn rejection(&self, error: VerifyError) -> Rejection {
        if self.scheme.sender.terms.is_401_fatal {
            Rejection::SignatureForbidden(error)
        } else {
            Rejection::Signature(error)
        }
    }
}

/// Implemented by hand because a derived `Clone` would need types that are `Clone`.
impl<T, K> Clone for SignedDelivery<T, K> {
    fn clone(&self) -> Self {
        Self { scheme: self.scheme, signer: self.signer.clone(), parts: self.parts.clone() }
    }
}

/// Shows the body's length. The body of a recorded delivery contains personal data.
impl<T, K> fmt::Debug for SignedDelivery<T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedDelivery")
            .field("scheme", &self.scheme.name())
            .field("id", &self.parts.id)
            .field("event", &self.parts.event)
            .field("version", &self.parts.version)
            .field("unix_seconds", &self.parts.unix_seconds)
            .field("body_length", &self.parts.body.len())
            .finish_non_exhaustive()
    }
}

//! Signed deliveries for tests of your receiver and your handlers.
//!
//! [`SignedDelivery`] is signed as the sender signs. [`ManualClock`](crate::ManualClock) is a clock
//! that your test drives.
//!
//! ```
//! use nevent_webhooks::testing::SignedDelivery;
//! use nevent_webhooks::{Secret, SIGNATURE_HEADER, Verifier};
//!
//! let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
//! let delivery = SignedDelivery::new(&secret, "d-1", "{}").signed_at(1_640_995_200);
//!
//! let signature = delivery.headers().find(|(name, _)| *name == SIGNATURE_HEADER);
//! let (_, signature) = signature.expect("every delivery is signed");
//! let verifier = Verifier::new(secret);
//! assert!(verifier.verify(&signature, delivery.body(), 1_640_995_260).is_ok());
//! # Ok::<(), nevent_webhooks::SecretError>(())
//! ```
//!
//! [`guide::testing`](crate::guide::testing) tests a whole receiver.

#[cfg(any(feature = "tower", feature = "actix"))]
use crate::Delivery;
use crate::{Clock, DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER, Secret, Signer, SystemClock};

/// A delivery that a receiver with the same secret accepts.
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
#[derive(Debug, Clone)]
#[must_use]
pub struct SignedDelivery {
    signer: Signer,
    id: String,
    event: Option<String>,
    body: Vec<u8>,
    signed_at: i64,
}

impl SignedDelivery {
    /// Creates a delivery with this id and body, signed now.
    pub fn new(secret: &Secret, id: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let (signer, signed_at) = (Signer::new(secret), SystemClock.unix_seconds());
        Self { signer, id: id.into(), event: None, body: body.into(), signed_at }
    }

    /// Adds the `X-Nevent-Event` header with this event type. By default there is no such header.
    pub fn event(mut self, event_type: impl Into<String>) -> Self {
        self.event = Some(event_type.into());
        self
    }

    /// Signs at another time, in Unix seconds, to test late deliveries or to match a clock that the
    /// test drives.
    pub fn signed_at(mut self, unix_seconds: i64) -> Self {
        self.signed_at = unix_seconds;
        self
    }

    /// The names and values of the delivery's headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let signature = self.signer.header(self.signed_at, &self.body);
        let event = self.event.clone().map(|event| (EVENT_HEADER, event));
        let headers = [(SIGNATURE_HEADER, signature), (DELIVERY_HEADER, self.id.clone())];
        headers.into_iter().chain(event)
    }

    /// The body, as it was signed.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
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
    /// The [`Rejection`](crate::Rejection) of a layer with this secret, if the delivery was signed
    /// with another secret or its id is not a valid [`DeliveryId`](crate::DeliveryId).
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub fn verified(&self, secret: &Secret) -> Result<Delivery, crate::Rejection> {
        let header = self.signer.header(self.signed_at, &self.body);
        let accepting = crate::Verifier::new(secret.clone());
        let verified = accepting.verify(header, &self.body, self.signed_at)?;
        let headers: Vec<_> = self.headers().collect();
        let lines_of = |name| {
            let of_name = headers.iter().filter(move |(header, _)| *header == name);
            of_name.map(|(_, value)| value.as_bytes())
        };
        let received = tokio::time::Instant::now();
        let body = self.body.clone().into();
        let sender = crate::scheme::NEVENT.places();
        let accepted = crate::delivery::Accepted::new(&sender, lines_of, verified, body, received)?;
        Ok(crate::delivery::AnyDelivery::of(accepted))
    }
}

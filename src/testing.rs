//! Deliveries for tests of your receiver and your handlers.
//!
//! [`SignedDelivery`] is signed as Nevent signs, or as the sender of any
//! [`Scheme`](crate::scheme::Scheme) does. [`token_delivery`] makes the delivery of a sender that signs
//! nothing. [`ManualClock`](crate::ManualClock) is a clock that your test drives.
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

mod signed_delivery;
#[cfg(all(feature = "schemes", any(feature = "tower", feature = "actix")))]
mod token_delivery;

pub use self::signed_delivery::SignedDelivery;
#[cfg(all(feature = "schemes", any(feature = "tower", feature = "actix")))]
pub use self::token_delivery::token_delivery;

//! How senders sign their webhooks: schemes, as plain data.
//!
//! [`Verifier::new`](crate::Verifier::new) is for Nevent, and needs no scheme. For every other sender,
//! a [`Scheme`] says which header carries the signature, which bytes it covers, where the delivery's id
//! stands, and what the sender expects of its receivers.
//!
#![cfg_attr(feature = "schemes", doc = "```")]
#![cfg_attr(not(feature = "schemes"), doc = "```ignore")]
//! use nevent_webhooks::scheme::Scheme;
//! use nevent_webhooks::Secret;
//!
//! let verifier = Scheme::stripe().verifier(Secret::new("whsec_test_secret_0123456789abcdef")?);
//! let header = "t=1640995200,v1=00000000000000000000000000000000\
//!     00000000000000000000000000000000";
//! assert!(verifier.verify(header, b"{}", 1_640_995_200).is_err());
//! # Ok::<(), nevent_webhooks::SecretError>(())
//! ```

#[cfg(feature = "schemes")]
mod builder;
#[cfg(feature = "schemes")]
mod check;
#[cfg(feature = "schemes")]
mod error;
mod format;
mod identity;
mod kinds;
mod nevent;
#[cfg(feature = "schemes")]
mod presets;
mod sender;
mod terms;

#[cfg(feature = "schemes")]
pub use self::builder::SchemeBuilder;
#[cfg(feature = "schemes")]
pub(crate) use self::check::{check_body_field, check_header_names, check_terms};
#[cfg(feature = "schemes")]
pub use self::error::SchemeError;
pub use self::format::{Encoding, Hash};
pub(crate) use self::format::{Format, Grammar, Signed, TimeSource};
pub(crate) use self::identity::IdSource;
pub use self::identity::Identity;
pub use self::kinds::{Base64Key, TextKey, Timed, Untimed};
pub(crate) use self::nevent::NEVENT;
pub use self::nevent::{DELIVERY_HEADER, EVENT_HEADER, SIGNATURE_HEADER};
pub use self::sender::Scheme;
pub(crate) use self::sender::{Places, Sender};
pub use self::terms::Terms;

//! Receive Nevent webhooks: what reaches your handler is genuine, fresh, and
//! handled exactly once.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]

mod clock;
#[cfg(feature = "tower")]
mod delivery;
mod delivery_id;
mod mac;
mod rejection;
mod secret;
mod sign;
mod signature;
mod tolerance;
mod verify;

#[cfg(feature = "events")]
mod event;
#[cfg(feature = "store")]
pub mod store;

#[cfg(feature = "axum")]
mod axum;
#[cfg(feature = "tower")]
mod dedupe;
#[cfg(feature = "tower")]
mod tower;
#[cfg(feature = "tower")]
mod trace;

pub use clock::{Clock, ManualClock, SystemClock};
#[cfg(feature = "tower")]
pub use dedupe::{DedupeOptions, Incident, OptionsError};
#[cfg(feature = "tower")]
pub use delivery::{Delivery, EVENT_HEADER};
pub use delivery_id::{DELIVERY_HEADER, DeliveryId};
#[cfg(feature = "events")]
pub use event::{Event, EventError};
pub use rejection::Rejection;
pub use secret::{Secret, SecretError};
pub use sign::Signer;
pub use signature::SIGNATURE_HEADER;
#[cfg(feature = "store")]
pub use store::Store;
pub use tolerance::{Tolerance, ToleranceError};
#[cfg(feature = "tower")]
pub use tower::{
    DedupeFuture, DedupeLayer, DedupeService, ProvenBody, ResponseBody, VerifiedBody, VerifyLayer,
    VerifyService,
};
pub use verify::{ReplayKey, TooManySecrets, Verification, Verified, Verifier};

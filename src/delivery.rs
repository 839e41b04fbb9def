//! Deliveries as plain data: what identifies one, what claims it, and what a handler gets.

#[cfg(feature = "store")]
mod claim;
mod id;
#[cfg(feature = "store")]
mod scope;
#[cfg(any(feature = "tower", feature = "actix"))]
mod verified;

#[cfg(feature = "store")]
pub use claim::{Claim, Fingerprint, OwnerToken, RecordKind};
pub use id::{DELIVERY_HEADER, DeliveryId, EVENT_HEADER};
#[cfg(feature = "store")]
pub use scope::{Scope, ScopeError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use verified::Delivery;
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use verified::{Held, event_header};

//! Deliveries as plain data: their ids, their claims, and the delivery that a handler gets.

#[cfg(all(feature = "schemes", any(feature = "tower", feature = "actix")))]
mod body_field;
#[cfg(feature = "store")]
mod claim;
#[cfg(feature = "store")]
mod claim_handle;
mod id;
#[cfg(all(
    any(feature = "events", feature = "schemes"),
    any(feature = "tower", feature = "actix")
))]
mod json;
#[cfg(feature = "store")]
mod scope;
#[cfg(any(feature = "tower", feature = "actix"))]
mod verified;

#[cfg(all(feature = "schemes", any(feature = "tower", feature = "actix")))]
pub(crate) use body_field::body_field;
#[cfg(feature = "store")]
pub use claim::{Claim, Fingerprint, OwnerToken, RecordKind};
#[cfg(feature = "store")]
pub use claim_handle::{ClaimHandle, ClaimState};
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use id::printable_ascii;
pub use id::{DeliveryId, DeliveryIdError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use scope::flaw as scope_flaw;
#[cfg(feature = "store")]
pub use scope::{Scope, ScopeError};
#[cfg(any(feature = "tower", feature = "actix"))]
pub use verified::Delivery;

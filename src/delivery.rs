//! Deliveries as plain data: their ids, their claims, and the delivery that a handler gets.

#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
#[cfg_attr(not(feature = "tower"), allow(unreachable_pub, reason = "Tower's sealed trait has it"))]
mod accepted;
#[cfg(all(feature = "schemes", any(feature = "tower", feature = "actix", feature = "queue")))]
mod body_field;
#[cfg(feature = "store")]
mod claim;
#[cfg(feature = "store")]
mod claim_handle;
mod id;
#[cfg(all(
    any(feature = "events", feature = "schemes"),
    any(feature = "tower", feature = "actix", feature = "queue")
))]
mod json;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
#[cfg_attr(not(feature = "tower"), allow(unreachable_pub, reason = "Tower's sealed trait has it"))]
mod proof;
#[cfg(feature = "store")]
mod scope;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod verified;

#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use accepted::Accepted;
#[cfg(all(feature = "schemes", any(feature = "tower", feature = "actix", feature = "queue")))]
pub(crate) use body_field::body_field;
#[cfg(feature = "store")]
pub use claim::{Claim, Fingerprint, OwnerToken, RecordKind};
#[cfg(feature = "store")]
pub use claim_handle::{ClaimHandle, ClaimState};
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use id::printable_ascii;
pub use id::{DeliveryId, DeliveryIdError};
#[cfg(any(
    feature = "queue",
    all(feature = "schemes", any(feature = "tower", feature = "actix"))
))]
pub(crate) use json::read_json;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use proof::{AnyDelivery, Proof};
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use scope::flaw as scope_flaw;
#[cfg(feature = "store")]
pub use scope::{Scope, ScopeError};
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub use verified::Delivery;

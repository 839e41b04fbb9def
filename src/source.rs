//! Source addresses: who may send at all.
//!
//! [`SourceLayer`] answers 403 `Forbidden` to everyone whose address is not on a list, before anything but
//! the head of the request is read. A list saves work and proves nothing: the signature is the proof.
//! [`guide::source`](crate::guide::source) says what a list is worth, and how to run it behind a proxy.

#[cfg(any(feature = "tower", feature = "actix"))]
mod forwarded;
#[cfg(any(feature = "tower", feature = "actix"))]
mod layer;
mod networks;

#[cfg(any(feature = "tower", feature = "actix"))]
pub use self::forwarded::ForwardedHeader;
#[cfg(any(feature = "tower", feature = "actix"))]
pub use self::layer::SourceLayer;
pub use self::networks::{NEVENT_ADDRESSES, NetworkError, Networks};
#[cfg(feature = "actix")]
pub use crate::actix::SourceMiddlewareService;
#[cfg(feature = "tower")]
pub use crate::tower::SourceService;

//! The adapter for Tower: the two layers as services. The rules are in `receive` and `dedupe`.

mod dedupe_service;
#[cfg(feature = "events")]
mod extensions;
#[cfg(feature = "queue")]
mod hand_over;
#[cfg(feature = "schemes")]
mod handshake;
mod http_request;
mod response_body;
#[cfg(any(feature = "axum", feature = "events"))]
mod signed;
#[cfg(feature = "source")]
mod source;
#[cfg(feature = "schemes")]
mod token_body;
#[cfg(feature = "schemes")]
mod token_service;
mod unread;
mod verified_body;
mod verify_service;

pub use dedupe_service::{DedupeFuture, DedupeService};
pub use response_body::ResponseBody;
#[cfg(feature = "axum")]
pub(crate) use signed::signed_delivery;
#[cfg(feature = "source")]
pub use source::SourceService;
#[cfg(feature = "schemes")]
pub use token_body::TokenBody;
#[cfg(feature = "schemes")]
pub use token_service::TokenService;
pub use verified_body::{ProvenBody, VerifiedBody};
pub use verify_service::VerifyService;

//! The adapter for Tower: the two layers as services. The rules are in `receive` and `dedupe`.

mod dedupe_service;
#[cfg(feature = "events")]
mod extensions;
#[cfg(feature = "schemes")]
mod handshake;
mod http_request;
mod response_body;
mod verified_body;
mod verify_service;

pub use dedupe_service::{DedupeFuture, DedupeService};
pub use response_body::ResponseBody;
pub use verified_body::{ProvenBody, VerifiedBody};
pub use verify_service::VerifyService;

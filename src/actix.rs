//! The adapter for actix-web: the two layers as one middleware, and the extractors. The rules
//! are in `receive` and `dedupe`.

mod actix_request;
mod extract;
#[cfg(feature = "schemes")]
mod handshake;
mod middleware;
mod rejection_response;

pub use middleware::{WebhookMiddleware, WebhookService};
pub use rejection_response::{RejectionBody, RejectionError};

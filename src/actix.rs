//! The adapter for actix-web: the two layers as one middleware, and the extractors. The rules
//! are in `receive` and `dedupe`.

mod actix_request;
mod extract;
mod handled;
#[cfg(feature = "schemes")]
mod handshake;
mod middleware;
mod rejection_response;
#[cfg(feature = "source")]
mod source;
#[cfg(feature = "schemes")]
mod token;

pub use middleware::{WebhookMiddleware, WebhookService};
pub use rejection_response::{RejectionBody, RejectionError};
#[cfg(feature = "source")]
pub use source::SourceMiddlewareService;

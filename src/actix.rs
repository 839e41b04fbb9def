//! The layers as middleware of actix-web, and its extractors. They hold no rules
//! of their own: what is judged stands in `receive` and `dedupe`.

mod actix_request;
mod extract;
mod middleware;
mod rejection_response;
mod worker;

pub use middleware::{WebhookMiddleware, WebhookService};
pub use rejection_response::{RejectionBody, RejectionError};
pub(crate) use worker::is_worker;

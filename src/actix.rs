//! The layers as middleware of actix-web, and its extractors. They hold no rules
//! of their own: what is judged stands in `layer` and `dedupe`.

mod extract;
mod middleware;
mod refusal;
mod request;
mod worker;

pub use middleware::{WebhookMiddleware, WebhookService};
pub use refusal::RefusalBody;
pub(crate) use worker::is_worker;

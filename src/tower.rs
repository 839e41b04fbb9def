//! The layers as Tower services. They hold no rules of their own: what is judged
//! stands in `layer` and `dedupe`.

mod dedupe;
mod request;
mod response;
mod verified_body;
mod verify;

pub use dedupe::{DedupeFuture, DedupeService};
pub use response::ResponseBody;
pub use verified_body::{ProvenBody, VerifiedBody};
pub use verify::VerifyService;

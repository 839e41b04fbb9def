//! The Tower layers. They hold no rules of their own: what is judged stands in
//! `signature`, `verify` and `dedupe`.

mod dedupe;
mod read;
mod response;
mod verified_body;
mod verify;

pub use dedupe::{DedupeFuture, DedupeLayer, DedupeService};
pub use response::ResponseBody;
pub use verified_body::{ProvenBody, VerifiedBody};
pub use verify::{VerifyLayer, VerifyService};

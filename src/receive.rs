//! Verification of requests for all frameworks: the order of the checks and the limits of bodies.

mod budget;
mod checks;
mod event_type;
mod interrupted;
mod layer;
mod not_forwarded;
mod options;
mod read;
mod request;
mod request_head;
mod tenant;

pub(crate) use checks::Checks;
pub(crate) use interrupted::interrupted;
pub use layer::VerifyLayer;
pub(crate) use not_forwarded::NotForwarded;
pub use options::VerifyOptions;
pub(crate) use request::{Frames, Head, Header};
pub(crate) use request_head::Headers;
pub use request_head::RequestHead;
pub use tenant::{Tenant, TenantError};

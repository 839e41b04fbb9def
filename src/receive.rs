//! From the head of a request to its verdict, whatever the framework: the order of checks,
//! the limits of bodies. The adapters hold no rules of their own.

mod budget;
mod checks;
mod event_type;
mod interrupted;
mod layer;
mod options;
mod read;
mod request;
mod request_head;
mod tenant;

pub(crate) use checks::Checks;
pub(crate) use interrupted::interrupted;
pub use layer::VerifyLayer;
pub use options::VerifyOptions;
pub(crate) use request::{Frames, Head, Header};
pub(crate) use request_head::Headers;
pub use request_head::RequestHead;
pub use tenant::{Tenant, TenantError};

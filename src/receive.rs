//! From the head of a request to its verdict, whatever the framework: the order of checks,
//! the limits of bodies. The adapters hold no rules of their own.

mod budget;
mod checks;
mod event_type;
mod interrupted;
mod layer;
mod read;
mod request;

pub(crate) use checks::Checks;
pub(crate) use interrupted::interrupted;
pub use layer::VerifyLayer;
pub(crate) use request::{Frames, Head, Header};

//! The two layers as they are configured, and the order in which a request is
//! judged, whatever the framework. The adapters hold no rules of their own.

mod broken_off;
mod budget;
mod dedupe;
mod event_types;
mod read;
mod request;
mod verify;

pub(crate) use broken_off::broken_off;
pub use dedupe::DedupeLayer;
pub(crate) use event_types::EventTypes;
pub(crate) use request::{Frames, Head, Header};
pub(crate) use verify::Config as VerifyConfig;
pub use verify::VerifyLayer;

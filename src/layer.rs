//! The two layers as they are configured, and the order in which a request is
//! judged, whatever the framework. The adapters hold no rules of their own.

mod dedupe;
mod event_types;
mod read;
mod request;
mod verify;

pub use dedupe::DedupeLayer;
pub(crate) use event_types::EventTypes;
pub(crate) use request::{Frames, Head, Header, Unreadable};
pub(crate) use verify::Config as VerifyConfig;
pub use verify::VerifyLayer;

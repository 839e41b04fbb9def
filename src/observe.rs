//! Outcomes: everything that happens to requests, for counters, logs and alerts.
//!
//! The layers tell every [`Observer`] of every [`Outcome`]. Two observers are built in: the
//! counters of [`Incident`]s and, with the feature `tracing`, log lines.

mod incident;
pub(crate) mod log;
#[cfg(feature = "tracing")]
mod log_lines;
mod observer;
mod outcome;
mod part;

pub use incident::Incident;
pub(crate) use incident::Incidents;
pub(crate) use observer::Observers;
pub use observer::{Observation, Observer};
pub use outcome::Outcome;
pub use part::{BackgroundCause, StoreOperation};

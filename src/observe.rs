//! What happens to requests, as one stream of outcomes.
//!
//! The layers tell every [`Observer`] of every [`Outcome`]. Two observers are built in: the
//! counters of [`Incident`]s, and, with the feature `tracing`, log lines.

mod incident;
pub(crate) mod log;
#[cfg(feature = "tracing")]
mod log_lines;
mod observer;
mod outcome;
mod timer;

pub use incident::Incident;
pub(crate) use incident::Incidents;
pub(crate) use observer::Observers;
pub use observer::{Observation, Observer};
pub use outcome::{BackgroundCause, Outcome, StoreOperation};
pub(crate) use timer::Timer;

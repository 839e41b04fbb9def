//! Outcomes: everything that happens to requests, for counters, logs and alerts.
//!
//! The layers tell every [`Observer`] of every [`Outcome`]. Three observers are built in: the
//! counters of [`Incident`]s and, with the features `tracing` and `metrics`, log lines and
//! [metrics](crate::guide::observing#metrics).
//!
#![cfg_attr(feature = "memory", doc = "```")]
#![cfg_attr(not(feature = "memory"), doc = "```ignore")]
//! use nevent_webhooks::observe::{Observation, Outcome};
//! use nevent_webhooks::{DedupeLayer, DedupeOptions, store::MemoryStore};
//!
//! let alert = |observation: &Observation<'_>| match observation.outcome {
//!     Outcome::LeaseLost | Outcome::FinalizeFailed => {
//!         eprintln!("{:?} may be handled twice", observation.delivery_id);
//!     }
//!     _ => {}
//! };
//! let options = DedupeOptions::new().observer(alert);
//! let dedupe = DedupeLayer::with_options("tickets", MemoryStore::new(), options)?;
//! # Ok::<(), nevent_webhooks::OptionsError>(())
//! ```
//!
//! [`guide::observing`](crate::guide::observing) lists the outcomes, and says which to alert on.

mod incident;
pub(crate) mod log;
#[cfg(feature = "tracing")]
mod log_lines;
pub(crate) mod metrics;
mod observer;
mod outcome;
mod part;
mod span;
mod timer;

pub use incident::Incident;
pub(crate) use incident::Incidents;
pub(crate) use observer::{LayerKind, Observers};
pub use observer::{Observation, Observer};
pub use outcome::Outcome;
pub use part::{BackgroundCause, StoreOperation};
pub(crate) use span::Span;
pub(crate) use timer::Timer;

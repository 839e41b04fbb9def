//! The metrics of layers, hand-overs and consumers with the feature `metrics`. Without it, types without
//! fields and functions that do nothing.
//!
//! A layer's metrics are an observer like others. The rest counts and measures what is no outcome of a
//! request.

#[cfg(all(feature = "metrics", feature = "queue"))]
mod consumer;
#[cfg(feature = "metrics")]
mod event_types;
#[cfg(all(feature = "metrics", feature = "queue", any(feature = "tower", feature = "actix")))]
mod hand_over;
#[cfg(feature = "metrics")]
mod in_flight;
#[cfg(feature = "metrics")]
mod layer;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod outcomes;

#[cfg(all(feature = "metrics", feature = "queue"))]
pub(crate) use self::consumer::Attempts;
#[cfg(all(feature = "metrics", feature = "queue", any(feature = "tower", feature = "actix")))]
pub(crate) use self::hand_over::HandOvers;
#[cfg(feature = "metrics")]
pub(crate) use self::in_flight::InFlight;
#[cfg(feature = "metrics")]
pub(super) use self::layer::observer;
#[cfg(not(feature = "metrics"))]
pub(super) use self::off::observer;
#[cfg(all(not(feature = "metrics"), feature = "queue"))]
pub(crate) use self::off::{Attempts, HandOvers};
#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{InFlight, Split};
#[cfg(feature = "metrics")]
pub(crate) use self::outcomes::Split;

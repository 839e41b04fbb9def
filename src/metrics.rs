//! Metrics with the feature `metrics`, for any exporter of the crate of that name. Without it, types
//! without fields and functions that do nothing.
//!
//! The layers' metrics are an observer like others: see `layer.rs`. The rest counts and measures what
//! is no outcome of a request.
//!
//! A handle is resolved when it is first used, and kept. So no label is allocated and no registry is
//! searched on the way of a request, except for the first of its kind. An exporter that is installed
//! later than that gets nothing from the handle.

#[cfg(feature = "metrics")]
mod by_name;
#[cfg(all(feature = "metrics", feature = "queue"))]
mod consumer;
#[cfg(all(feature = "metrics", any(feature = "tower", feature = "actix", feature = "queue")))]
mod event_types;
#[cfg(all(feature = "metrics", feature = "queue", any(feature = "tower", feature = "actix")))]
mod hand_over;
#[cfg(feature = "metrics")]
mod handles;
#[cfg(all(feature = "metrics", any(feature = "tower", feature = "actix", feature = "queue")))]
mod in_flight;
#[cfg(all(feature = "metrics", any(feature = "tower", feature = "actix", feature = "queue")))]
mod layer;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(all(feature = "metrics", any(feature = "tower", feature = "actix", feature = "queue")))]
mod outcomes;
#[cfg(feature = "metrics")]
mod process;
#[cfg(feature = "metrics")]
#[allow(dead_code, reason = "what a metric measures may need another feature")]
mod table;

#[cfg(all(feature = "metrics", feature = "queue"))]
pub(crate) use self::consumer::Attempts;
#[cfg(all(feature = "metrics", feature = "queue", any(feature = "tower", feature = "actix")))]
pub(crate) use self::hand_over::HandOvers;
#[cfg(all(feature = "metrics", any(feature = "tower", feature = "actix", feature = "queue")))]
pub(crate) use self::in_flight::InFlight;
#[cfg(all(feature = "metrics", any(feature = "tower", feature = "actix", feature = "queue")))]
pub(crate) use self::layer::observer;
#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::*;
#[cfg(all(feature = "metrics", any(feature = "tower", feature = "actix", feature = "queue")))]
pub(crate) use self::outcomes::Split;
#[cfg(feature = "metrics")]
pub(crate) use self::process::{EventAge, event_age, record_evicted, unread_field};

//! The table of all metrics, and their handles, with the feature `metrics`: for any exporter of the crate
//! of that name. Without the feature, functions that do nothing.
//!
//! Here are the metrics that know no endpoint. Those of the layers are in `observe/metrics.rs`.
//!
//! A handle is resolved when it is first used, and kept. So no label is allocated and no registry is
//! searched on the way of a request, except for the first of its kind. An exporter that is installed
//! later than that gets nothing from the handle.

#[cfg(feature = "metrics")]
mod by_name;
#[cfg(feature = "metrics")]
mod handles;
#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod process;
#[cfg(feature = "metrics")]
#[allow(dead_code, reason = "what a metric measures may need another feature")]
pub(crate) mod table;

#[cfg(feature = "metrics")]
pub(crate) use self::by_name::ByName;
#[cfg(feature = "metrics")]
pub(crate) use self::handles::{LazyHistogram, seconds};
#[cfg(all(not(feature = "metrics"), feature = "memory"))]
pub(crate) use self::off::record_evicted;
#[cfg(not(feature = "metrics"))]
pub(crate) use self::off::{EventAge, event_age, unread_field};
#[cfg(all(feature = "metrics", feature = "memory"))]
pub(crate) use self::process::record_evicted;
#[cfg(feature = "metrics")]
pub(crate) use self::process::{EventAge, event_age, unread_field};

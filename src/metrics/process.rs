//! Metrics of the whole process, which know no endpoint.

#[cfg(feature = "memory")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::Counter;

use super::by_name::ByName;
use super::handles::{LazyHistogram, seconds};
#[cfg(feature = "memory")]
use super::table::RECORDS_EVICTED;
use super::table::{EVENT_AGE, UNREAD_FIELDS};

/// Records how old an event was when its delivery arrived. Both times are in Unix seconds.
pub(crate) fn event_age(created: i64, received: i64) {
    static AGE: LazyHistogram = LazyHistogram::new();
    AGE.record(seconds(received.saturating_sub(created)), &EVENT_AGE, &[]);
}

/// Records the age of a delivery's event once, however often the handler reads it.
#[derive(Debug, Default)]
pub(crate) struct EventAge(AtomicBool);

impl EventAge {
    pub(crate) fn record_once(&self, created: i64, received: i64) {
        if !self.0.swap(true, Ordering::Relaxed) {
            event_age(created, received);
        }
    }
}

pub(crate) fn unread_field(field: &'static str) {
    // There are fewer documented fields.
    static FIELDS: ByName<Counter, 64> = ByName::new();
    FIELDS.get(field, |field| UNREAD_FIELDS.counter(&[field])).increment(1);
}

#[cfg(feature = "memory")]
pub(crate) fn record_evicted() {
    static EVICTED: OnceLock<Counter> = OnceLock::new();
    EVICTED.get_or_init(|| RECORDS_EVICTED.counter(&[])).increment(1);
}

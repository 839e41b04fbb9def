//! What the feature `metrics` does, without it: nothing. Other features need one or the other.
#![allow(dead_code)]

pub(crate) fn event_age(_: i64, _: i64) {}

pub(crate) fn unread_field(_: &'static str) {}

pub(crate) fn record_evicted() {}

#[derive(Debug, Default)]
pub(crate) struct EventAge;

#[allow(clippy::unused_self, reason = "it has the signature of the real one")]
impl EventAge {
    pub(crate) fn record_once(&self, _: i64, _: i64) {}
}

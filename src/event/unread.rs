//! Counts the optional fields that could not be read.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::reading::is_second;

/// How often each field could not be read. Only documented fields are in it, so it stays small.
static UNREAD: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Returns how often each optional field could not be read since this process started, by the
/// field's name, such as `fan.custom_fields`.
///
/// Such a field is `None` or empty, and its value is in the `extra` of its object. Each time
/// an object is read counts: by an extractor, by [`Event::typed`](super::Event::typed), in a
/// batch, or within your own type. With the feature `tracing`, the first time for each field
/// is logged as a warning.
///
/// ```
/// for (field, count) in nevent_webhooks::event::unread_fields() {
///     println!("unread_fields{{field={field:?}}} {count}");
/// }
/// ```
#[must_use]
pub fn unread_fields() -> BTreeMap<&'static str, u64> {
    UNREAD.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Counts a field that could not be read, unless the first reading has counted it.
pub(super) fn count_unread(field: &'static str) {
    if is_second() {
        return;
    }
    let mut unread = UNREAD.lock().unwrap_or_else(PoisonError::into_inner);
    let count = unread.entry(field).or_default();
    *count = count.saturating_add(1);
    let is_first = *count == 1;
    drop(unread); // Otherwise a log subscriber that reads the counts would wait for itself.
    if is_first {
        #[cfg(feature = "tracing")]
        tracing::warn!(
            target: crate::text::LOG_TARGET,
            field,
            "an optional field is not as documented, and was left out"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::unread_fields;
    use crate::event::{Event, EventData};

    #[test]
    fn a_field_of_an_event_that_cannot_be_read_counts_once() {
        let body = br#"{"id":"e","type":"purchase.completed","created":1,
            "data":{"purchase":{"payment_method":7,"total":"ten"}}}"#;
        let count = || unread_fields().get("purchase.payment_method").copied().unwrap_or_default();
        let before = count();
        Event::<EventData>::from_json(body).expect_err("no amount");
        assert_eq!(count(), before + 1);
    }
}

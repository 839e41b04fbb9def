//! Counts the optional fields that could not be read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::metrics;

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

thread_local! {
    /// The fields that count only if the reading that is under way succeeds.
    static HELD_BACK: RefCell<Option<Vec<&'static str>>> = const { RefCell::new(None) };
}

/// Reads JSON that is read again after an error. Its fields count only if it can be read.
pub(super) fn count_if_ok<T, E>(read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    /// Also if the `Deserialize` of a user's type panics.
    struct Restore(Option<Vec<&'static str>>);

    impl Drop for Restore {
        fn drop(&mut self) {
            HELD_BACK.replace(self.0.take());
        }
    }

    let outer = Restore(HELD_BACK.replace(Some(Vec::new())));
    let result = read();
    let fields = HELD_BACK.take().unwrap_or_default();
    drop(outer);
    if result.is_ok() {
        fields.into_iter().for_each(count_unread);
    }
    result
}

/// Counts a field that could not be read.
pub(super) fn count_unread(field: &'static str) {
    let is_held_back = HELD_BACK
        .with_borrow_mut(|held_back| held_back.as_mut().map(|fields| fields.push(field)).is_some());
    if !is_held_back {
        count(field);
    }
}

fn count(field: &'static str) {
    let mut unread = UNREAD.lock().unwrap_or_else(PoisonError::into_inner);
    let count = unread.entry(field).or_default();
    *count = count.saturating_add(1);
    let is_first = *count == 1;
    drop(unread); // Otherwise a log subscriber that reads the counts would wait for itself.
    metrics::unread_field(field);
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

    /// How often reading the body counts the field.
    fn counts(field: &str, body: &str) -> u64 {
        let count = || unread_fields().get(field).copied().unwrap_or_default();
        let before = count();
        Event::<EventData>::from_json(body.as_bytes()).expect_err("an error");
        count() - before
    }

    #[test]
    fn a_field_of_an_event_that_cannot_be_read_counts_once() {
        let body = r#"{"id":"e","type":"purchase.completed","created":1,
            "data":{"purchase":{"payment_method":7,"total":"ten"}}}"#;
        assert_eq!(counts("purchase.payment_method", body), 1);
    }

    /// `data` is read after the envelope, whatever the order of the fields is.
    #[test]
    fn what_counts_does_not_depend_on_the_first_of_two_readings() {
        let data_is_no_fan = r#"{"id":"e","type":"fan.created","created":1,
            "data":{"fan":{"id":7}},"organization_id":7}"#;
        assert_eq!(counts("organization_id", data_is_no_fan), 1);
        let no_time =
            r#"{"id":"e","type":"fan.created","data":{"fan":{"id":"f","email":7}},"created":"x"}"#;
        assert_eq!(counts("fan.email", no_time), 0);
    }
}

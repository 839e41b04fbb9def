//! Reads JSON to its end: once without looking for reasons, and again if that fails.

use std::cell::Cell;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed};

use super::{Event, EventError, repair::repair, unread::count_if_ok};

impl EventError {
    /// Reads JSON as senders write it, which is repaired first.
    pub(super) fn of_reading<T: DeserializeOwned>(json: &[u8]) -> Result<T, Self> {
        Self::of_repaired(|_| PhantomData::<T>, &repair(json)?)
    }

    /// Reads JSON to its end. Only an error costs the tracking of the field that is read.
    ///
    /// `seed` is told whether the JSON would be read again after an error. Then it may fail on JSON
    /// that can be read, and its errors may be any.
    pub(super) fn of_repaired<'de, S: DeserializeSeed<'de>>(
        seed: impl Fn(bool) -> S,
        json: &'de [u8],
    ) -> Result<S::Value, Self> {
        let Ok(text) = str::from_utf8(json) else {
            return Self::of_reading_with(seed(false), json);
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        let read =
            || seed(true).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        count_if_ok(read).or_else(|_: serde_json::Error| Self::of_reading_with(seed(false), json))
    }
}

thread_local! {
    static IS_FIRST_OF_TWO: Cell<bool> = const { Cell::new(false) };
}

/// Reads an event that is the whole of a repaired body.
pub(super) struct WholeBody<T> {
    is_first_of_two: bool,
    event: PhantomData<T>,
}

impl<T> WholeBody<T> {
    pub(super) fn new(is_first_of_two: bool) -> Self {
        Self { is_first_of_two, event: PhantomData }
    }
}

impl<'de, T> DeserializeSeed<'de> for WholeBody<T>
where
    Event<T>: Deserialize<'de>,
{
    type Value = Event<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Event<T>, D::Error> {
        IS_FIRST_OF_TWO.set(self.is_first_of_two);
        Event::deserialize(deserializer)
    }
}

/// Whether the event that is about to be read is the whole of a repaired body, which is read again
/// if that fails. Every event takes this first. Otherwise an event within it would be told the same.
pub(super) fn take_first_of_two() -> bool {
    IS_FIRST_OF_TWO.take()
}

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde_path_to_error::Track;

use crate::Rejection;

/// Why a body is not an event, or not of the type asked for. Names the field; may
/// quote a value that is of the wrong type.
#[derive(Debug)]
pub struct EventError {
    /// Of the field, from the top.
    path: String,
    source: serde_json::Error,
}

impl EventError {
    /// Reads JSON to its end, and knows where in it something is wrong.
    pub(super) fn of_reading<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, Self> {
        Self::of_reading_with(PhantomData::<T>, json)
    }

    pub(super) fn of_reading_with<'de, S: DeserializeSeed<'de>>(
        seed: S,
        json: &'de [u8],
    ) -> Result<S::Value, Self> {
        let (mut json, mut track) = (serde_json::Deserializer::from_slice(json), Track::new());
        let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        let value = seed.deserialize(tracked);
        let value = value.map_err(|source| Self { path: track.path().to_string(), source })?;
        json.end().map_err(|source| Self { path: NOWHERE.to_owned(), source })?;
        Ok(value)
    }

    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self { path: NOWHERE.to_owned(), source: serde::de::Error::custom(reason) }
    }

    pub(super) fn place_and_reason(&self) -> String {
        let mut reason = self.source.to_string();
        // A field is found by its name, and its line may be one within `data`.
        if self.source.is_data() {
            let (line, column) = (self.source.line(), self.source.column());
            let position = format!(" at line {line} column {column}");
            reason.truncate(reason.strip_suffix(&position).map_or(reason.len(), str::len));
        }
        if self.path == NOWHERE { reason } else { format!("`{}`: {reason}", self.path) }
    }

    pub(super) fn within(mut self, field: &str) -> Self {
        self.path =
            if self.path == NOWHERE { field.to_owned() } else { format!("{field}.{}", self.path) };
        self
    }
}

/// The path of what is wrong as a whole.
const NOWHERE: &str = ".";

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not the JSON of such an event: {}", self.place_and_reason())
    }
}

impl std::error::Error for EventError {}

/// So that `?` in a handler answers 400 `Malformed event`.
impl From<EventError> for Rejection {
    fn from(error: EventError) -> Self {
        Self::MalformedEvent { reason: error.to_string().into() }
    }
}

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed};
use serde_path_to_error::{Path, Segment, Track};

use super::text::readable;
use crate::Rejection;
use crate::text::excerpt;

mod found;

/// Why a body is not an event, or not of the type asked for.
///
/// `Display` is one line of at most about 300 bytes. It names the field, and the type and
/// length of its value, but never the value: that may name people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventError {
    /// Of the field, from the top; none of what is wrong as a whole.
    path: Option<String>,
    reason: String,
}

impl EventError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self { path: None, reason: reason.to_string() }
    }

    /// Reads JSON as senders write it.
    pub(super) fn of_reading<T: DeserializeOwned>(json: &[u8]) -> Result<T, Self> {
        Self::of_reading_with(PhantomData::<T>, &readable(json)?)
    }

    /// Reads JSON to its end, and knows where in it something is wrong.
    pub(super) fn of_reading_with<'de, S: DeserializeSeed<'de>>(
        seed: S,
        json: &'de [u8],
    ) -> Result<S::Value, Self> {
        let (mut reader, mut track) = (serde_json::Deserializer::from_slice(json), Track::new());
        let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
        let value = seed.deserialize(tracked);
        let value = value.map_err(|error| Self::at(&track.path(), json, &error))?;
        reader.end().map_err(Self::new)?;
        Ok(value)
    }

    fn at(path: &Path, json: &[u8], error: &serde_json::Error) -> Self {
        let reason = found::reason(error, path, json);
        let place = place(path);
        match reason.strip_prefix(AS_PLACED) {
            Some(placed) => Self::new(placed),
            None => Self { path: (!place.is_empty()).then_some(place), reason },
        }
    }

    /// For a `Deserialize` that finds it, so that the place and the reason stay as they are.
    pub(super) fn into_placed<E: serde::de::Error>(self) -> E {
        E::custom(format_args!("{AS_PLACED}{}", self.placed()))
    }

    fn placed(&self) -> String {
        let Self { path, reason } = self;
        path.as_ref().map_or_else(|| reason.clone(), |path| format!("`{path}`: {reason}"))
    }

    pub(super) fn within(mut self, field: &str) -> Self {
        self.path = Some(match self.path {
            None => field.to_owned(),
            Some(path) if path.starts_with('[') => format!("{field}{path}"),
            Some(path) => format!("{field}.{path}"),
        });
        self
    }
}

/// How a reason begins that names its place itself.
const AS_PLACED: &str = "not as documented: ";

/// The names of fields may be the sender's, so they are shortened and escaped.
fn place(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => place.extend(["[", &index.to_string(), "]"]),
            // Where the JSON breaks off, which has a line and a column.
            Segment::Unknown => {}
            _ if place.is_empty() => place.push_str(&name(segment)),
            _ => place.extend([".", &name(segment)]),
        }
    }
    excerpt(&place, 100)
}

fn name(segment: &Segment) -> String {
    match segment {
        Segment::Map { key: name } | Segment::Enum { variant: name } => excerpt(name, 30),
        Segment::Seq { .. } | Segment::Unknown => "?".to_owned(),
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not the JSON of such an event: {}", self.placed())
    }
}

impl std::error::Error for EventError {}

/// So that `?` in a handler answers 400 `Malformed event`.
impl From<EventError> for Rejection {
    fn from(error: EventError) -> Self {
        Self::MalformedEvent { reason: error.to_string().into() }
    }
}

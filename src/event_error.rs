use std::fmt;

use serde::de::DeserializeSeed;
use serde_path_to_error::{Path, Segment, Track};

use crate::text::excerpt;

mod found;

/// Why a body could not be read as an event, or as an event of the type asked for.
///
/// `Display` is one line of about 300 bytes at most. It names the field, and the type and
/// length of its value, but never the value, which may be personal data.
///
#[cfg_attr(feature = "events", doc = "```")]
#[cfg_attr(not(feature = "events"), doc = "```ignore")]
/// use nevent_webhooks::Event;
///
/// let body = br#"{"id":"evt_1","type":"ping","created":"today"}"#;
/// let error = <Event>::from_json(body).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "not the JSON of such an event: `created`: a string of 5 bytes, expected a whole number",
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventError {
    /// The field, from the top; `None` if the body as a whole is wrong.
    path: Option<String>,
    reason: String,
}

impl EventError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self { path: None, reason: reason.to_string() }
    }

    /// Reads JSON to its end. An error names the field.
    pub(crate) fn of_reading_with<'de, S: DeserializeSeed<'de>>(
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

    /// Returns the error for a `Deserialize` to pass on, with its field and reason unchanged.
    pub(crate) fn into_placed<E: serde::de::Error>(self) -> E {
        E::custom(format_args!("{AS_PLACED}{}", self.placed()))
    }

    pub(crate) fn placed(&self) -> String {
        let Self { path, reason } = self;
        path.as_ref().map_or_else(|| reason.clone(), |path| format!("`{path}`: {reason}"))
    }

    pub(crate) fn within(mut self, field: &str) -> Self {
        self.path = Some(match self.path {
            None => field.to_owned(),
            Some(path) if path.starts_with('[') => format!("{field}{path}"),
            Some(path) => format!("{field}.{path}"),
        });
        self
    }
}

/// The beginning of a reason that names its field itself.
const AS_PLACED: &str = "not as documented: ";

/// Returns the path of a field. Names may be the sender's, so they are shortened and escaped.
fn place(path: &Path) -> String {
    let mut place = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => place.extend(["[", &index.to_string(), "]"]),
            // The JSON breaks off here, and the reason has the line and the column.
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

//! The fields of a documented object that may be missing, or of another type.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use serde::de::{Error, MapAccess};
use serde_json::Value;

use super::json::{Json, Parsed};
use super::object::Object;
use super::raw::TextOr;
use super::unread::count_unread;
use super::{Artist, Fields, Venue};

/// An optional field, which may be missing or of another type than documented.
pub(super) trait Optional: Default + Serialize {
    /// Reads a text that the field is usually sent as. `None` leaves it to `read`.
    fn read_text(_: &str) -> Option<Self> {
        None
    }

    /// Reads the field, or returns the value if the field cannot be read from it.
    fn read(value: Value) -> Result<Self, Value>;

    /// Whether the field has nothing to write.
    fn is_empty(&self) -> bool;

    fn add_unread(&self, _: &mut Vec<&'static str>) {}
}

/// Reads an optional field. A value that it cannot be read from is kept in `extra`.
pub(super) fn read_optional<'de, T: Optional, A: MapAccess<'de>>(
    field: &mut Option<T>,
    (object, name): (&'static str, &'static str),
    map: &mut A,
    extra: &mut Fields,
) -> Result<(), A::Error> {
    if field.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    let json: TextOr<'_, Parsed> = map.next_value()?;
    *field = json.unescaped().and_then(T::read_text);
    if field.is_none() {
        let Json(value) = Json::of(json)?;
        *field = Some(T::read(value).unwrap_or_else(|value| {
            count_unread(object);
            extra.insert(name.to_owned(), value);
            T::default()
        }));
    }
    Ok(())
}

/// A type that is sent as a text.
trait OfText: Sized {
    fn of_text(text: &str) -> Option<Self>;
}

impl OfText for String {
    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl OfText for Timestamp {
    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// A date with a time of day is refused: in another time zone it could be another day.
impl OfText for Date {
    fn of_text(text: &str) -> Option<Self> {
        let is_date = !text.contains(['T', 't', ':', ' ']);
        is_date.then(|| text.parse().ok()).flatten()
    }
}

impl<T: OfText + Serialize> Optional for Option<T> {
    fn read_text(text: &str) -> Option<Self> {
        T::of_text(text).map(Some)
    }

    fn read(value: Value) -> Result<Self, Value> {
        match &value {
            Value::Null => Ok(None),
            Value::String(text) => T::of_text(text).map(Some).ok_or(value),
            _ => Err(value),
        }
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl Optional for Option<Venue> {
    fn read(value: Value) -> Result<Self, Value> {
        serde::Deserialize::deserialize(&value).map_err(|_| value)
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }

    fn add_unread(&self, names: &mut Vec<&'static str>) {
        if let Some(venue) = self {
            venue.add_unread(names);
        }
    }
}

impl Optional for Vec<Artist> {
    fn read(value: Value) -> Result<Self, Value> {
        read_list(value)
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }

    fn add_unread(&self, names: &mut Vec<&'static str>) {
        for artist in self {
            artist.add_unread(names);
        }
    }
}

impl Optional for Vec<String> {
    fn read(value: Value) -> Result<Self, Value> {
        read_list(value)
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

fn read_list<T: serde::de::DeserializeOwned>(value: Value) -> Result<Vec<T>, Value> {
    match value {
        Value::Null => Ok(Vec::new()),
        value => serde::Deserialize::deserialize(&value).map_err(|_| value),
    }
}

impl Optional for Fields {
    fn read(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(Self::new()),
            Value::Object(fields) => Ok(fields),
            other => Err(other),
        }
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

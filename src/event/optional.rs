use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use serde_json::Value;

use super::object::Object;
use super::{Artist, Fields, Venue};

/// An optional field, which may be missing or of another type than documented.
pub(super) trait Optional: Default + Serialize {
    /// Reads the field, or returns the value if the field cannot be read from it.
    fn read(value: Value) -> Result<Self, Value>;

    /// Whether the field has nothing to write.
    fn is_empty(&self) -> bool;

    fn add_unread(&self, _: &mut Vec<&'static str>) {}
}

impl Optional for Option<String> {
    fn read(value: Value) -> Result<Self, Value> {
        match value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            other => Err(other),
        }
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

impl Optional for Option<Timestamp> {
    fn read(value: Value) -> Result<Self, Value> {
        read_text(value, |text| text.parse().ok())
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

/// A date with a time of day is refused: in another time zone it could be another day.
impl Optional for Option<Date> {
    fn read(value: Value) -> Result<Self, Value> {
        read_text(value, |text| {
            let is_date = !text.contains(['T', 't', ':', ' ']);
            is_date.then(|| text.parse().ok()).flatten()
        })
    }

    fn is_empty(&self) -> bool {
        self.is_none()
    }
}

fn read_text<T>(value: Value, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Value> {
    match &value {
        Value::Null => Ok(None),
        Value::String(text) => read(text).map(Some).ok_or(value),
        _ => Err(value),
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

//! Reads any JSON value, with every float as exact as a float can be.

mod numbers;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use self::numbers::Numbers;
use super::Fields;
use super::raw::TextOr;
use crate::text::excerpt;

/// Any JSON value in which no object has a name twice.
///
/// Its floats are the nearest to what was sent, even if nothing in the program switches on
/// `serde_json`'s feature `float_roundtrip`. Otherwise a number could change in its last
/// digit each time it is read and written.
pub(super) struct Json(pub(super) Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(TextOr::deserialize(deserializer)?)
    }
}

impl Json {
    pub(super) fn of<E: Error>(json: TextOr<'_, Parsed>) -> Result<Self, E> {
        match json {
            TextOr::Value(Parsed(value)) => Ok(Self(value)),
            TextOr::Text(json) => {
                from_text(json.get(), Duplicates::Refused).map(Self).map_err(E::custom)
            }
        }
    }
}

/// A value from a format that has parsed its numbers already.
pub(super) struct Parsed(Value);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let builder = Builder { numbers: None, duplicates: Duplicates::Refused };
        builder.deserialize(deserializer).map(Self)
    }
}

/// Reads a value from JSON text.
pub(super) fn from_text(json: &str, duplicates: Duplicates) -> serde_json::Result<Value> {
    let mut numbers = Numbers::of(json);
    let builder = Builder { numbers: Some(&mut numbers), duplicates };
    builder.deserialize(&mut serde_json::Deserializer::from_str(json))
}

/// How to treat a name that an object has twice.
#[derive(Clone, Copy)]
pub(super) enum Duplicates {
    /// It is an error, because the receiver cannot tell which of the two is meant.
    Refused,
    /// The last one stays, as in `serde_json`'s own `Value`.
    Overwritten,
}

/// Builds a value.
struct Builder<'n, 'a> {
    /// The text of each number, if the format is JSON text: one for each call of
    /// `visit_i64`, `visit_u64` and `visit_f64`.
    numbers: Option<&'n mut Numbers<'a>>,
    duplicates: Duplicates,
}

impl<'a> Builder<'_, 'a> {
    /// For a value within this one.
    fn inner(&mut self) -> Builder<'_, 'a> {
        Builder { numbers: self.numbers.as_deref_mut(), duplicates: self.duplicates }
    }

    fn next_number(self) -> Option<&'a str> {
        self.numbers?.next()
    }
}

impl<'de> DeserializeSeed<'de> for Builder<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Builder<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        self.next_number();
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        self.next_number();
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        let exact = self.next_number().and_then(|text| text.parse().ok());
        let value = exact.filter(|exact: &f64| exact.is_finite()).unwrap_or(value);
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Fields::new();
        while let Some(name) = map.next_key()? {
            let value = map.next_value_seed(self.inner())?;
            insert(&mut fields, name, value, self.duplicates)?;
        }
        Ok(number(&fields).map_or(Value::Object(fields), Value::Number))
    }
}

/// The number that an object stands for.
///
/// If anything in the program switches on `serde_json`'s feature `arbitrary_precision`, a
/// number is shown as an object with its text. Without that feature such an object is what
/// the sender wrote.
fn number(fields: &Fields) -> Option<Number> {
    let text = fields.get("$serde_json::private::Number")?.as_str()?;
    let number = text.parse::<Number>().ok().filter(|_| fields.len() == 1)?;
    let keeps_digits = "1.50".parse::<Number>().is_ok_and(|number| number.to_string() == "1.50");
    keeps_digits.then_some(number)
}

/// Reads all fields of an object.
pub(super) fn fields<'de, A: MapAccess<'de>>(mut map: A) -> Result<Fields, A::Error> {
    let mut fields = Fields::new();
    while let Some(name) = map.next_key()? {
        add_field(&mut fields, name, &mut map)?;
    }
    Ok(fields)
}

/// Reads the value of the next field, and adds the field.
pub(super) fn add_field<'de, A: MapAccess<'de>>(
    fields: &mut Fields,
    name: String,
    map: &mut A,
) -> Result<(), A::Error> {
    let Json(value) = map.next_value()?;
    insert(fields, name, value, Duplicates::Refused)
}

/// How many `\ufffd` a name may get at its end.
const MENDED_ALIKE: usize = 8;

/// Adds a field.
///
/// Names that were repaired may have become the same: `\ud83c` and `\ud83d` are both
/// `\ufffd`. Such a name gets one more `\ufffd` at its end, so that no field is lost. After
/// [`MENDED_ALIKE`] the name counts as sent twice: a body full of such names would take time and
/// memory by the square of their number.
fn insert<E: Error>(
    fields: &mut Fields,
    mut name: String,
    value: Value,
    duplicates: Duplicates,
) -> Result<(), E> {
    for _ in 0..MENDED_ALIKE {
        if !name.contains('\u{fffd}') || !fields.contains_key(&name) {
            break;
        }
        name.push('\u{fffd}');
    }
    match duplicates {
        Duplicates::Refused if fields.contains_key(&name) => Err(duplicate(&name)),
        Duplicates::Refused | Duplicates::Overwritten => {
            fields.insert(name, value);
            Ok(())
        }
    }
}

/// The error for a name that an object has twice.
pub(super) fn duplicate<E: Error>(name: &str) -> E {
    E::custom(format_args!("duplicate field `{}`", excerpt(name, 40)))
}

/// The name of a field, borrowed from the body where it can be.
pub(super) struct Name<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(name.into()))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(name.to_owned().into()))
    }

    fn visit_string<E>(self, name: String) -> Result<Name<'de>, E> {
        Ok(Name(name.into()))
    }
}

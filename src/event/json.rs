use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use super::Fields;
use crate::text::excerpt;

/// Any JSON in which no object has a field twice: nobody could tell which of the two is meant.
pub(super) struct Json(pub(super) Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor).map(Self)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
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
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Json(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(array.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        let fields = fields(map)?;
        Ok(number(&fields).map_or(Value::Object(fields), Value::Number))
    }
}

/// What `serde_json` shows of a number if anything in the program has switched on its
/// feature `arbitrary_precision`: an object with its text. Without that feature such an
/// object is what was sent.
fn number(fields: &Fields) -> Option<Number> {
    let text = fields.get("$serde_json::private::Number")?.as_str()?;
    let number = text.parse::<Number>().ok().filter(|_| fields.len() == 1)?;
    let keeps_digits = "1.50".parse::<Number>().is_ok_and(|number| number.to_string() == "1.50");
    keeps_digits.then_some(number)
}

/// All fields of an object.
pub(super) fn fields<'de, A: MapAccess<'de>>(mut map: A) -> Result<Fields, A::Error> {
    let mut fields = Fields::new();
    while let Some(name) = map.next_key()? {
        add_field(&mut fields, name, &mut map)?;
    }
    Ok(fields)
}

/// One more field. Names that were mended (`\ud83c` and `\ud83d` are both `\ufffd`) may have
/// become the same: nothing is lost, and the later ones are a character longer.
pub(super) fn add_field<'de, A: MapAccess<'de>>(
    fields: &mut Fields,
    mut name: String,
    map: &mut A,
) -> Result<(), A::Error> {
    let Json(value) = map.next_value()?;
    while name.contains('\u{fffd}') && fields.contains_key(&name) {
        name.push('\u{fffd}');
    }
    if fields.contains_key(&name) {
        return Err(twice(&name));
    }
    fields.insert(name, value);
    Ok(())
}

pub(super) fn twice<E: Error>(name: &str) -> E {
    E::custom(format_args!("duplicate field `{}`", excerpt(name, 40)))
}

/// The name of a field, borrowed where it can be.
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

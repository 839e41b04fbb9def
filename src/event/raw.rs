use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use serde::de::value::{MapDeserializer, UnitDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, forward_to_deserialize_any, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{Duplicates, from_text};

/// The text of a JSON value that has not been parsed, such as the `data` of an
/// [`Event`](super::Event).
///
/// It dereferences to [`RawValue`] of `serde_json`, whose method [`get`](RawValue::get)
/// returns the text.
///
/// The text is what was sent, byte for byte, with two exceptions that let every JSON parser
/// read it. Half of a surrogate pair is `\ufffd`, and a number beyond a float's range is in
/// quotes. [`Delivery::body`](crate::Delivery::body) has the signed bytes.
///
/// Unlike a `RawValue`, it can also be read from and written to binary formats such as
/// `MessagePack` and CBOR, and be within `#[serde(tag)]`, `untagged` and `flatten`. There, a
/// number is a 64-bit integer or float, and a missing value is `null`.
///
/// ```
/// use nevent_webhooks::Event;
///
/// let body = br#"{"id":"evt_1","type":"x.y","created":1,"data":{"total": 85.00}}"#;
/// let event: Event = Event::from_json(body)?;
/// assert_eq!(event.data.get(), r#"{"total": 85.00}"#);
/// # Ok::<(), nevent_webhooks::EventError>(())
/// ```
#[derive(Debug, Clone)]
pub struct RawData(Box<RawValue>);

impl Deref for RawData {
    type Target = RawValue;

    fn deref(&self) -> &RawValue {
        &self.0
    }
}

impl Borrow<RawValue> for RawData {
    fn borrow(&self) -> &RawValue {
        &self.0
    }
}

impl From<Box<RawValue>> for RawData {
    fn from(json: Box<RawValue>) -> Self {
        Self(json)
    }
}

impl fmt::Display for RawData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<'de> Deserialize<'de> for RawData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TextOr::<Value>::deserialize(deserializer)? {
            TextOr::Text(json) => Ok(Self(json)),
            TextOr::Value(value) => {
                RawValue::from_string(value.to_string()).map(Self).map_err(D::Error::custom)
            }
        }
    }
}

/// In a binary format, a reader would take the text of a `RawValue` for a string.
impl Serialize for RawData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let value = from_text(self.get(), Duplicates::Overwritten).map_err(ser::Error::custom)?;
        value.serialize(serializer)
    }
}

/// The text of a value if the format is `serde_json`'s, and a `T` from any other format.
pub(super) enum TextOr<T> {
    Text(Box<RawValue>),
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = None;
        let text = Box::deserialize(AnyFormat { deserializer, value: &mut value })?;
        Ok(value.map_or(Self::Text(text), Self::Value))
    }
}

/// The deserializer for a `RawValue`, which asks for its text in a way that only `serde_json`
/// answers. Any other format gives a `T`.
struct AnyFormat<'v, D, T> {
    deserializer: D,
    value: &'v mut Option<T>,
}

impl<'de, D: Deserializer<'de>, T: Deserialize<'de>> Deserializer<'de> for AnyFormat<'_, D, T> {
    type Error = D::Error;

    fn deserialize_newtype_struct<R: Visitor<'de>>(
        self,
        name: &'static str,
        raw: R,
    ) -> Result<R::Value, D::Error> {
        let visitor = TextVisitor { name, raw, value: self.value };
        self.deserializer.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_any<R: Visitor<'de>>(self, raw: R) -> Result<R::Value, D::Error> {
        self.deserializer.deserialize_any(raw)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct TextVisitor<'v, R, T> {
    /// The name of the `RawValue`'s one field.
    name: &'static str,
    /// The visitor of the `RawValue`.
    raw: R,
    value: &'v mut Option<T>,
}

impl<'de, R: Visitor<'de>, T: Deserialize<'de>> Visitor<'de> for TextVisitor<'_, R, T> {
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    /// `serde_json` gives the text.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<R::Value, A::Error> {
        self.raw.visit_map(map)
    }

    /// Other formats give the value. The `RawValue` is not used then, but needs some text.
    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<R::Value, D::Error> {
        *self.value = Some(T::deserialize(deserializer)?);
        let unused = (self.name, "null");
        self.raw.visit_map(MapDeserializer::new(std::iter::once(unused)))
    }

    fn visit_unit<E: Error>(self) -> Result<R::Value, E> {
        self.visit_newtype_struct(UnitDeserializer::new())
    }
}

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;

use serde::de::value::MapDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, forward_to_deserialize_any, ser};
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON that has not been looked into, such as the `data` of an [`Event`](super::Event).
///
/// It dereferences to `serde_json`'s [`RawValue`], whose text [`get`](RawValue::get)
/// returns. That text is what was sent, byte for byte, with two exceptions that let every
/// reader read it: half of a surrogate pair is `\ufffd`, and a number beyond a float's range
/// is in quotes. [`Delivery::body`](crate::Delivery::body) has the bytes as they were
/// signed.
///
/// Unlike `RawValue` it can be read from, and written to, binary formats such as
/// `MessagePack` and CBOR, and within `#[serde(tag)]`, `untagged` and `flatten`. There a number is an integer of 64 bits
/// or the nearest float; a missing value is `null`.
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
        Box::deserialize(AnyFormat(deserializer)).map(Self)
    }
}

/// In a binary format the text of a `RawValue` would be taken for a string.
impl Serialize for RawData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.serialize(serializer);
        }
        let value: Value = serde_json::from_str(self.get()).map_err(ser::Error::custom)?;
        value.serialize(serializer)
    }
}

/// Gives a `RawValue` the text that it asks for, in the way that only `serde_json` answers,
/// and anywhere else the JSON of the value.
struct AnyFormat<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for AnyFormat<D> {
    type Error = D::Error;

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Text { name, visitor })
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        option unit unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Text<V> {
    /// That of the `RawValue`'s one field.
    name: &'static str,
    visitor: V,
}

impl<'de, V: Visitor<'de>> Text<V> {
    fn of<E: Error>(self, value: &Value) -> Result<V::Value, E> {
        let field = (self.name, value.to_string());
        self.visitor.visit_map(MapDeserializer::new(std::iter::once(field)))
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Text<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    /// `serde_json`, with the text.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(map)
    }

    /// Any other.
    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.of(&Value::deserialize(deserializer)?)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.of(&Value::Null)
    }
}

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, UnitDeserializer};
use serde::de::{Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer, forward_to_deserialize_any, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use super::json::{Duplicates, Name, from_text};

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
        Raw::deserialize(deserializer).map(|Raw(json)| Self(json.into_owned()))
    }
}

/// Raw data that is borrowed from the body where it can be.
pub(super) struct Raw<'de>(Cow<'de, RawValue>);

impl Deref for Raw<'_> {
    type Target = RawValue;

    fn deref(&self) -> &RawValue {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match TextOr::<Value>::deserialize(deserializer)? {
            TextOr::Text(json) => Ok(Self(json)),
            TextOr::Value(value) => owned(value.to_string()).map(Self),
        }
    }
}

fn owned<'de, E: Error>(json: String) -> Result<Cow<'de, RawValue>, E> {
    RawValue::from_string(json).map(Cow::Owned).map_err(E::custom)
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
pub(super) enum TextOr<'de, T> {
    Text(Cow<'de, RawValue>),
    Value(T),
}

impl<T> TextOr<'_, T> {
    /// The text within the quotes of a JSON string without escapes.
    pub(super) fn unescaped(&self) -> Option<&str> {
        let Self::Text(json) = self else { return None };
        let text = json.get().strip_prefix('"')?.strip_suffix('"')?;
        (!text.contains('\\')).then_some(text)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut other = None;
        let text = <&RawValue>::deserialize(AnyFormat { deserializer, other: &mut other })?;
        Ok(other.unwrap_or(Self::Text(Cow::Borrowed(text))))
    }
}

/// The deserializer for a `&RawValue`, which asks for its text in a way that only `serde_json`
/// answers. What cannot be borrowed as a `&RawValue` is left in `other`.
struct AnyFormat<'v, 'de, D, T> {
    deserializer: D,
    other: &'v mut Option<TextOr<'de, T>>,
}

impl<'de, D, T> Deserializer<'de> for AnyFormat<'_, 'de, D, T>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    type Error = D::Error;

    fn deserialize_newtype_struct<R: Visitor<'de>>(
        self,
        name: &'static str,
        raw: R,
    ) -> Result<R::Value, D::Error> {
        let visitor = TextVisitor { name, raw, other: self.other };
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

struct TextVisitor<'v, 'de, R, T> {
    /// The name of the `RawValue`'s one field.
    name: &'static str,
    /// The visitor of the `&RawValue`.
    raw: R,
    other: &'v mut Option<TextOr<'de, T>>,
}

impl<'de, R: Visitor<'de>, T> TextVisitor<'_, 'de, R, T> {
    fn borrowed<E: Error>(self, text: &'de str) -> Result<R::Value, E> {
        let field = (self.name, BorrowedStrDeserializer::<E>::new(text));
        self.raw.visit_map(MapDeserializer::new(std::iter::once(field)))
    }

    /// The `&RawValue` is not used then, but needs some text.
    fn other<E: Error>(self, other: TextOr<'de, T>) -> Result<R::Value, E> {
        *self.other = Some(other);
        self.borrowed("null")
    }
}

impl<'de, R, T> Visitor<'de> for TextVisitor<'_, 'de, R, T>
where
    R: Visitor<'de>,
    T: Deserialize<'de>,
{
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    /// `serde_json` gives the text, under the name that it was asked for.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<R::Value, A::Error> {
        if map.next_key()?.is_none_or(|Name(name)| name != self.name) {
            return Err(A::Error::invalid_type(Unexpected::Map, &self));
        }
        let Name(text) = map.next_value()?;
        match text {
            Cow::Borrowed(text) => self.borrowed(text),
            Cow::Owned(text) => self.other(TextOr::Text(owned(text)?)),
        }
    }

    /// Other formats give the value.
    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<R::Value, D::Error> {
        let value = T::deserialize(deserializer)?;
        self.other(TextOr::Value(value))
    }

    fn visit_unit<E: Error>(self) -> Result<R::Value, E> {
        self.visit_newtype_struct(UnitDeserializer::new())
    }
}

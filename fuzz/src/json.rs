//! A plain reading of JSON that keeps all fields of an object, also those of one name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Any JSON, as far as numbers are in a float's range.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Null,
    Bool,
    Integer(i64),
    /// Not an integer, or too large a one.
    Number,
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Fails also for what may be JSON, but has numbers that this cannot hold.
    ///
    /// # Errors
    ///
    /// As `serde_json` says.
    pub fn read(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(&mended(body))
    }

    /// Whether this is why `read` failed: it is no JSON, or nested too deep.
    #[must_use]
    pub fn is_none(body: &[u8], error: &serde_json::Error) -> bool {
        serde_json::from_slice::<IgnoredAny>(&mended(body)).is_err()
            || error.to_string().starts_with("recursion limit")
    }

    /// Whether a field is there twice, here or further within.
    #[must_use]
    pub fn has_twice(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().any(Self::has_twice),
            Self::Object(fields) => {
                fields.iter().any(|(name, value)| self.count(name) > 1 || value.has_twice())
            }
            _ => false,
        }
    }

    /// Whether a time is there that may be whole seconds written otherwise, which this does
    /// not hold exactly.
    #[must_use]
    pub fn has_unclear_time(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().any(Self::has_unclear_time),
            Self::Object(fields) => fields.iter().any(|(name, value)| {
                let is_unclear = matches!(value, Self::Number | Self::Text(_));
                name == "created" && is_unclear || value.has_unclear_time()
            }),
            _ => false,
        }
    }

    /// The last field of that name, if this is an object.
    #[must_use]
    pub fn field(&self, wanted: &str) -> Option<&Self> {
        self.fields().iter().rfind(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    /// How many fields have that name.
    #[must_use]
    pub fn count(&self, wanted: &str) -> usize {
        self.fields().iter().filter(|(name, _)| name == wanted).count()
    }

    /// Whether names that were mended have become the same, here or further within. They stand for
    /// fields of their own, which this does not tell apart.
    #[must_use]
    pub fn has_unclear_names(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().any(Self::has_unclear_names),
            Self::Object(fields) => fields.iter().any(|(name, value)| {
                self.count(name) > 1 && name.contains('\u{fffd}') || value.has_unclear_names()
            }),
            _ => false,
        }
    }

    fn fields(&self) -> &[(String, Self)] {
        if let Self::Object(fields) = self { fields } else { &[] }
    }
}

/// The body without a byte order mark, and with `\ufffd` for half surrogate pairs: units are
/// listed first and paired after, unlike in the library.
#[must_use]
pub fn mended(body: &[u8]) -> Vec<u8> {
    let mut body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).to_vec();
    let mut units = Vec::new();
    let (mut at, mut is_text) = (0, false);
    while at < body.len() {
        match body[at] {
            b'"' => is_text = !is_text,
            b'\\' if is_text => {
                units.extend(unit(&body, at).map(|unit| (at, unit)));
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    let mut number = 0;
    while let Some((at, unit)) = units.get(number).copied() {
        let next = units.get(number + 1).filter(|(next, _)| *next == at + 6);
        let is_pair =
            next.is_some_and(|(_, low)| low >> 10 == 0b11_0111) && unit >> 10 == 0b11_0110;
        if !is_pair && unit >> 11 == 0b1_1011 {
            body[at + 2..at + 6].copy_from_slice(b"fffd");
        }
        number += if is_pair { 2 } else { 1 };
    }
    body
}

fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = std::str::from_utf8(body.get(at..at + 6)?).ok()?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

/// The id, if this is an event; whatever its `data` is.
#[must_use]
pub fn event_id(json: &Json) -> Option<&str> {
    let is_once = |name| json.count(name) == 1;
    let is_text = |name| is_once(name) && matches!(json.field(name), Some(Json::Text(_)));
    let is_clear = json
        .fields()
        .iter()
        .all(|(name, value)| is_once(name) && (name == "data" || !value.has_twice()));
    match json.field("id") {
        Some(Json::Text(id)) if is_clear && is_text("id") && is_text("type") => {
            json.field("created").is_some_and(is_time).then_some(id)
        }
        _ => None,
    }
}

/// What a timestamp can hold: the years -9999 to 9999, in whole seconds.
fn is_time(created: &Json) -> bool {
    matches!(created, Json::Integer(s) if (-377_705_023_201..=253_402_207_200).contains(s))
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Bool)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(i64::try_from(number).map_or(Json::Number, Json::Integer))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Json::Object(object))
    }
}

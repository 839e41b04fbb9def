//! A plain reading of JSON that keeps all fields of an object, also those of one name.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Any JSON, as far as text is Unicode and numbers are in a float's range.
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
    /// Fails also for what may be JSON, but has text or numbers that this cannot hold.
    ///
    /// # Errors
    ///
    /// As `serde_json` says.
    pub fn read(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }

    /// Whether this is why `read` failed: it is no JSON, or nested too deep.
    #[must_use]
    pub fn is_none(body: &[u8], error: &serde_json::Error) -> bool {
        serde_json::from_slice::<IgnoredAny>(body).is_err()
            || error.to_string().starts_with("recursion limit")
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

    fn fields(&self) -> &[(String, Self)] {
        if let Self::Object(fields) = self { fields } else { &[] }
    }
}

/// The id, if this is an event; whatever its `data` is.
#[must_use]
pub fn event_id(json: &Json) -> Option<&str> {
    let known = ["id", "type", "created", "organization_id", "data"];
    let is_text = |name| matches!(json.field(name), Some(Json::Text(_)));
    // What a timestamp can hold: the years -9999 to 9999.
    let is_time = |s| (-377_705_023_201..=253_402_207_200).contains(&s);
    let is_an_event = known.iter().all(|name| json.count(name) == 1)
        && is_text("type")
        && is_text("organization_id")
        && matches!(json.field("created"), Some(Json::Integer(s)) if is_time(*s));
    match json.field("id") {
        Some(Json::Text(id)) if is_an_event => Some(id),
        _ => None,
    }
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

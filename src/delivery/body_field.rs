use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The field of a JSON body at this path, such as `data.items.0.id`, if it is a string or a whole
/// number.
///
/// `None` if the body is not JSON, lacks the field, or has it twice: two readers could then see two
/// ids.
pub(crate) fn body_field(body: &[u8], path: &str) -> Option<String> {
    // Some senders sign a byte order mark with the body.
    let json = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let found = At(path).deserialize(&mut deserializer).ok()??;
    deserializer.end().ok()?;
    id_of(found.get())
}

/// The text of a JSON string, or the digits of a whole number.
fn id_of(json: &str) -> Option<String> {
    match json.as_bytes() {
        [b'"', ..] => serde_json::from_str(json).ok().filter(|id: &String| !id.is_empty()),
        [b'0'..=b'9', ..] if json.bytes().all(|byte| byte.is_ascii_digit()) => Some(json.into()),
        _ => None,
    }
}

/// Reads the value at a path, and skips everything else.
struct At<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<Box<RawValue>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            return serde::Deserialize::deserialize(deserializer).map(Some);
        }
        let (name, rest) = self.0.split_once('.').unwrap_or((self.0, ""));
        deserializer.deserialize_any(Step { name, rest })
    }
}

/// One step of a path: a name in an object, or a position in an array.
struct Step<'p> {
    name: &'p str,
    rest: &'p str,
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<Box<RawValue>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut found, mut seen) = (None, false);
        while let Some(name) = map.next_key::<String>()? {
            if name != self.name {
                map.next_value::<IgnoredAny>()?;
            } else if std::mem::replace(&mut seen, true) {
                return Err(serde::de::Error::custom("the field is there twice"));
            } else {
                found = map.next_value_seed(At(self.rest))?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let Ok(position) = self.name.parse::<usize>() else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(None);
        };
        for _ in 0..position {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = items.next_element_seed(At(self.rest))?.flatten();
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

#[cfg(test)]
mod random;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_found_at_any_depth() {
        let body = br#"{"a":{"b":[{"id":"x"},{"id":7}]},"id":"evt_1"}"#;
        let field = |path| body_field(body, path);
        assert_eq!(field("id").as_deref(), Some("evt_1"));
        assert_eq!(field("a.b.0.id").as_deref(), Some("x"));
        assert_eq!(field("a.b.1.id").as_deref(), Some("7"));
        for missing in ["b", "a.b", "a.b.2.id", "a.b.x.id", "id.id", "a.b.0.id.0"] {
            assert_eq!(field(missing), None, "{missing}");
        }
    }

    #[test]
    fn only_an_id_that_every_reader_sees_counts() {
        let id = |body: &[u8]| body_field(body, "id");
        assert_eq!(id("\u{feff}{\"id\":\"a\"}".as_bytes()).as_deref(), Some("a"));
        assert_eq!(id(br#"{"id":"\u0061"}"#).as_deref(), Some("a"));
        let bodies: [&[u8]; 9] = [
            br#"{"id":"a","id":"b"}"#,
            br#"{"id":"a"} {}"#,
            br#"{"id":"a""#,
            br#"{"id":""}"#,
            br#"{"id":null}"#,
            br#"{"id":1.5}"#,
            br#"{"id":{"a":1}}"#,
            b"id=a",
            b"",
        ];
        for body in bodies {
            assert_eq!(id(body), None, "{}", String::from_utf8_lossy(body));
        }
    }
}

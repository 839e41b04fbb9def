//! Describes a wrong value by its type and length, never by its text.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::error::Category;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment};

use super::AS_PLACED;
use crate::text::excerpt;

/// Returns the reason without the value, which `serde_json` or a type's own `Deserialize` may
/// quote.
pub(super) fn reason(error: &serde_json::Error, path: &Path, json: &[u8]) -> String {
    let text = error.to_string();
    if error.classify() != Category::Data {
        return text; // These texts are fixed, with a line and a column.
    }
    // The error names the field instead. The line may be one within `data`.
    let position = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&position).unwrap_or(&text);
    let names_a_field = ["missing field `", "duplicate field `", AS_PLACED];
    if names_a_field.iter().any(|start| text.starts_with(start)) {
        return excerpt(text, 220);
    }
    let found = at(path, json).map_or_else(|| "a value".to_owned(), |json| kind(json.get()));
    match expected(text) {
        Some(expected) => format!("{found}, expected {}", excerpt(expected, 100)),
        None => format!("{found} that its type does not take"),
    }
}

/// Returns the end of one of serde's own errors, which is the type's text and not the sender's.
fn expected(text: &str) -> Option<&str> {
    let of_serde = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"];
    let is_of_serde = of_serde.iter().any(|start| text.starts_with(start));
    let (_, expected) = text.rsplit_once(", expected ")?;
    is_of_serde.then_some(expected)
}

fn at<'a>(path: &Path, json: &'a [u8]) -> Option<&'a RawValue> {
    let mut value: &RawValue = serde_json::from_slice(json).ok()?;
    for segment in path {
        value = match segment {
            Segment::Seq { index } => {
                let items: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
                items.get(*index).copied()?
            }
            Segment::Map { key } | Segment::Enum { variant: key } => {
                let fields: HashMap<Cow<'_, str>, &RawValue> =
                    serde_json::from_str(value.get()).ok()?;
                fields.get(key.as_str()).copied()?
            }
            Segment::Unknown => return None,
        };
    }
    Some(value)
}

fn kind(json: &str) -> String {
    let (kind, length) = match json.as_bytes() {
        [b'"', ..] => ("a string", json.len().saturating_sub(2)),
        [b'[', ..] => ("an array", json.len()),
        [b'{', ..] => ("an object", json.len()),
        [b't' | b'f', ..] => return "a boolean".to_owned(),
        [b'n', ..] => return "null".to_owned(),
        _ => ("a number", json.len()),
    };
    let bytes = if length == 1 { "byte" } else { "bytes" };
    format!("{kind} of {length} {bytes}")
}

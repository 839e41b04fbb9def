use std::marker::PhantomData;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::EventError;
use super::text::readable;

/// The content of a readable body: one event, or several.
#[derive(Debug)]
pub(crate) enum Shape<'a> {
    One,
    /// A JSON array of events, or an object with an `events` array.
    Many(Vec<&'a RawValue>),
}

impl<'a> Shape<'a> {
    pub(crate) fn of(body: &'a [u8]) -> Result<Self, EventError> {
        if is_array(body) {
            return read(body).map(Self::Many);
        }
        match read::<Outline<'a>>(body)?.array(body)? {
            None => Ok(Self::One),
            Some(events) => read(events.get().as_bytes())
                .map(Self::Many)
                .map_err(|error| error.within("events")),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, EventError> {
    EventError::of_reading_with(PhantomData, json)
}

fn is_array(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[")
}

/// A body at a glance.
#[derive(Debug, Deserialize)]
struct Outline<'a> {
    #[serde(default, borrow)]
    id: Option<&'a RawValue>,
    #[serde(default, borrow, rename = "type")]
    event_type: Option<&'a RawValue>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Wrapping<'a> {
    #[serde(default, borrow)]
    events: Option<&'a RawValue>,
}

/// The id and type of an event whose `data` has not been looked into.
#[derive(Debug)]
pub(crate) struct Peek {
    id: Option<String>,
    event_type: Option<String>,
}

impl Peek {
    /// Of the event that a body is; `None` for a batch, and for what only a closer look
    /// can refuse.
    pub(crate) fn of_event(body: &[u8]) -> Option<Self> {
        let body = readable(body).ok()?;
        if is_array(&body) {
            return None; // Which could be read field by field.
        }
        let outline: Outline<'_> = serde_json::from_slice(&body).ok()?;
        if outline.array(&body).ok()?.is_some() {
            return None;
        }
        let text = |value: Option<&RawValue>| serde_json::from_str(value?.get()).ok();
        Some(Self { id: text(outline.id), event_type: text(outline.event_type) })
    }

    pub(crate) fn id(self) -> Option<String> {
        self.id
    }

    pub(crate) fn event_type(self) -> Option<String> {
        self.event_type
    }
}

impl<'a> Outline<'a> {
    /// Of a wrapping of events. What has `data` is an event, whatever else it has.
    fn array(&self, body: &'a [u8]) -> Result<Option<&'a RawValue>, EventError> {
        if self.data.is_some() {
            return Ok(None);
        }
        let events = read::<Wrapping<'a>>(body)?.events;
        Ok(events.filter(|events| events.get().starts_with('[')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(body: &str) -> Result<Option<usize>, EventError> {
        Ok(match Shape::of(&readable(body.as_bytes())?)? {
            Shape::One => None,
            Shape::Many(events) => Some(events.len()),
        })
    }

    #[test]
    fn batches_are_told_from_events() {
        for (body, expected) in [
            ("[]", Some(0)),
            (" \n[{},{}]\t", Some(2)),
            (r#"{"events":[1,{"a":[]},null]}"#, Some(3)),
            (r#"{"id":"b_1","type":"batch","events":[{}]}"#, Some(1)),
            (r#"{"id":1,"events":[{}]}"#, Some(1)),
            (r#"{"id":"evt_1","data":{},"events":[{}]}"#, None),
            (r#"{"id":"evt_1","events":"none"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(count(body).expect(body), expected, "{body}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        let deep = "[".repeat(1 << 20);
        for body in ["", "[", "[1,]", "[1] 2", "7", "\"[\"", r#"{"events":[],"events":[]}"#, &deep]
        {
            count(body).expect_err(&body[..body.len().min(20)]);
        }
    }

    #[test]
    fn the_id_and_type_of_a_lone_event() {
        let of = |body: &'static str| {
            Peek::of_event(body.as_bytes()).map(|sketch| (sketch.id, sketch.event_type))
        };
        let text = |text: &str| Some(text.to_owned());
        for (body, id, event_type) in [
            (r#"{"\u0069d":"a\u0062","type":"t","data":{}}"#, text("ab"), text("t")),
            (r#"{"id":"a","type":"t","data":{},"events":1,"events":[]}"#, text("a"), text("t")),
            (r#"{"id":7,"type":"t"}"#, None, text("t")),
            (r#"{"id":"a"}"#, text("a"), None),
        ] {
            assert_eq!(of(body), Some((id, event_type)), "{body}");
        }
        for body in [
            r#"{"id":1,"type":"batch","events":[{}]}"#,
            r#"[{"id":"a","type":"t"}]"#,
            r#" ["a","t",{}]"#,
            r#"{"id":"a","id":"b","type":"t"}"#,
            "no JSON",
        ] {
            assert_eq!(of(body), None, "{body}");
        }
    }
}

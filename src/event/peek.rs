//! The kind of a body, and the id and type of an event, without parsing `data`.

use std::marker::PhantomData;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::EventError;
use super::plain::{is_plain, opening_brackets};
use super::repair::{DEEPEST, repair};

/// The most events in a batch: ten times what Nevent sends. Without a limit, a body of a million tiny
/// events would become a million futures.
pub(crate) const MOST_EVENTS: usize = 1000;

/// The kind of a repaired body: one event, or a batch.
#[derive(Debug)]
pub(crate) enum Shape<'a> {
    One,
    /// A JSON array of events, or an object with an `events` array.
    Many(Vec<&'a RawValue>),
}

impl<'a> Shape<'a> {
    /// Reads a batch whose body is long, but needs no repair. `None` for any other body.
    ///
    /// Otherwise [`repair`] would follow every byte of a body that has many brackets, to learn how
    /// deep it is nested. One event and what is around the events cannot be nested deeper than they
    /// have brackets.
    pub(crate) fn of_plain_batch(body: &'a [u8]) -> Option<Vec<&'a RawValue>> {
        let all = opening_brackets(body);
        if all <= DEEPEST || !is_plain(body) {
            return None;
        }
        let Self::Many(events) = Self::of(body).ok()? else { return None };
        let of_events = events.iter().map(|event| opening_brackets(event.get().as_bytes()));
        let (sum, most) = of_events.fold((0_usize, 0), |(sum, most), brackets| {
            (sum.saturating_add(brackets), brackets.max(most))
        });
        (all.saturating_sub(sum).saturating_add(most) <= DEEPEST).then_some(events)
    }

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
    EventError::of_repaired(|_| PhantomData, json)
}

fn is_array(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[")
}

/// The fields of a body that tell an event from a batch.
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
struct Batch<'a> {
    #[serde(default, borrow)]
    events: Option<&'a RawValue>,
}

/// The id and type of an event, read without parsing `data`.
#[derive(Debug)]
pub(crate) struct Peek {
    id: Option<String>,
    event_type: Option<String>,
}

impl Peek {
    /// Reads the id and type of an event. Returns `None` for a batch, and for a body that is
    /// no JSON object.
    pub(crate) fn of_event(body: &[u8]) -> Option<Self> {
        let body = repair(body).ok()?;
        if is_array(&body) {
            return None; // Serde would take the items of an array for the fields in order.
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
    /// Returns the `events` array of a batch. An object with `data` is an event, even if it has
    /// `events` too.
    fn array(&self, body: &'a [u8]) -> Result<Option<&'a RawValue>, EventError> {
        if self.data.is_some() {
            return Ok(None);
        }
        let events = read::<Batch<'a>>(body)?.events;
        Ok(events.filter(|events| events.get().starts_with('[')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(body: &str) -> Result<Option<usize>, EventError> {
        Ok(match Shape::of(&repair(body.as_bytes())?)? {
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
    fn a_long_batch_is_read_at_once_unless_it_may_need_repair() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for (odd, is_plain, is_read) in [
            (nested(126), true, true),
            (nested(127), false, false),
            (r#""\ud83c""#.into(), false, true),
            ("1e400".into(), false, true),
            ("tru".into(), false, false),
        ] {
            let body = format!("[{odd}{}]", r#",{"a":[{"b":"["}]}"#.repeat(100));
            let at_once = Shape::of_plain_batch(body.as_bytes()).map(|events| events.len());
            assert_eq!(at_once, is_plain.then_some(101), "{odd}");
            assert_eq!(count(&body).ok(), is_read.then_some(Some(101)), "{odd}");
        }
        let body = format!(r#"{{"events":[{}]}}"#, ["{}"; 200].join(","));
        assert_eq!(Shape::of_plain_batch(body.as_bytes()).map(|events| events.len()), Some(200));
        assert!(Shape::of_plain_batch(b"[{}]").is_none(), "too short to be worth it");
    }

    #[test]
    fn bodies_that_are_neither_are_refused() {
        let deep = "[".repeat(1 << 20);
        for body in ["", "[", "[1,]", "[1] 2", "7", "\"[\"", r#"{"events":[],"events":[]}"#, &deep]
        {
            count(body).expect_err(&body[..body.len().min(20)]);
        }
    }

    #[test]
    fn the_id_and_type_of_a_lone_event() {
        let of = |body: &'static str| {
            Peek::of_event(body.as_bytes()).map(|peek| (peek.id, peek.event_type))
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

//! Any bytes as an event and as a batch, against `serde_json`'s reading of them as plain
//! values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use nevent_webhooks::event::{Event, EventData, RawValue};
use serde_json::{Map, Value};

fuzz_target!(|body: &[u8]| {
    let raw = Event::<&RawValue>::from_json(body);
    let typed = Event::<EventData>::from_json(body);
    assert_eq!(raw.is_ok(), Event::<Box<RawValue>>::from_json(body).is_ok());
    assert!(raw.is_ok() || typed.is_err(), "what is typed can be read raw");
    let value = serde_json::from_slice::<Value>(body).ok();
    if let Ok(event) = &raw {
        it_is_what_the_value_says(event, value.as_ref());
        assert_eq!(event.typed().is_ok(), typed.is_ok());
    } else if let Some(Value::Object(object)) = &value {
        assert!(!is_an_event(object) || names_one_field_twice(body, object));
    }
    if let Ok(event) = typed {
        it_survives_a_round_trip(&event);
    }
});

/// Raw data may hold what no value can, such as half of a surrogate pair.
fn it_is_what_the_value_says(event: &Event<&RawValue>, value: Option<&Value>) {
    let Some(value) = value else { return };
    assert_eq!(value["id"], *event.id);
    assert_eq!(value["type"], *event.event_type);
    assert_eq!(value["created"].as_i64(), Some(event.created.as_second()));
    assert_eq!(value["organization_id"], *event.organization_id);
    assert_eq!(value["data"], serde_json::from_str::<Value>(event.data.get()).unwrap());
}

fn is_an_event(object: &Map<String, Value>) -> bool {
    let is_text = |field: &str| object.get(field).is_some_and(Value::is_string);
    // What a timestamp can hold: the years -9999 to 9999.
    let created = object.get("created").and_then(Value::as_i64);
    let is_time = created.is_some_and(|s| (-377_705_023_201..=253_402_207_200).contains(&s));
    ["id", "type", "organization_id"].into_iter().all(is_text)
        && is_time
        && object.contains_key("data")
}

/// As text: a value keeps the last of two fields. (A field of the envelope may be
/// within `data` or escaped, too: then nothing is said.)
fn names_one_field_twice(body: &[u8], object: &Map<String, Value>) -> bool {
    let known = ["id", "type", "created", "organization_id", "data"];
    let text = String::from_utf8_lossy(body);
    text.contains('\\')
        || known.iter().any(|field| text.matches(&format!("\"{field}\"")).count() > 1)
        || object.len() < known.len()
}

/// Written and read again it is the same, to the last digit.
fn it_survives_a_round_trip(event: &Event<EventData>) {
    let written = serde_json::to_string(event).unwrap();
    let again = Event::<EventData>::from_json(written.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
}

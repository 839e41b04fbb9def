//! `data` read together with the event, and `data` read after it: the same events and the same errors.

use nevent_webhooks::Event;
use nevent_webhooks::event::EventData;

use super::{SAMPLES, typed};

fn at_once(json: &[u8]) -> Result<String, String> {
    let event = Event::<EventData>::from_json(json).map_err(|error| error.to_string())?;
    Ok(format!("{event:?}"))
}

fn one_by_one(event: Event) -> Result<String, String> {
    let data = event.typed().map_err(|error| error.to_string())?;
    let Event { id, event_type, created, organization_id, extra, .. } = event;
    let envelope = format!(
        "Event {{ id: {id:?}, event_type: {event_type:?}, created: {created:?}, \
         organization_id: {organization_id:?}"
    );
    Ok(format!("{envelope}, data: {data:?}, extra: {extra:?} }}"))
}

#[test]
fn samples_in_which_any_byte_was_changed() {
    let (mut read, mut refused) = (0, 0);
    for sample in SAMPLES {
        let extra = r#""data": { "beside": [1, "\ud83c"], "#;
        let sample = sample.replacen("\"data\": {", extra, 1);
        for at in 0..sample.len() {
            for by in ["", "\"", "[", "}", ",", "7", "x", "\\", "1e999"] {
                let json = [&sample.as_bytes()[..at], by.as_bytes(), &sample.as_bytes()[at + 1..]];
                let json = json.concat();
                let found = at_once(&json);
                let json_text = String::from_utf8_lossy(&json);
                match Event::from_json(&json) {
                    Ok(event) => assert_eq!(found, one_by_one(event), "{json_text}"),
                    Err(_) => assert!(found.is_err(), "{json_text}"),
                }
                *if found.is_ok() { &mut read } else { &mut refused } += 1;
            }
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} and {refused}");
}

#[test]
fn a_type_that_comes_after_the_data() {
    for (first, last) in [("type", "data"), ("data", "type")] {
        let value =
            |name| if name == "type" { r#""fan.created""# } else { r#"{"fan":{"id":"f"}}"# };
        let json = format!(
            r#"{{"id":"e","created":1,"{first}":{},"{last}":{}}}"#,
            value(first),
            value(last)
        );
        let EventData::FanCreated(fan) = typed(&json).expect(&json).data else { panic!("{json}") };
        assert_eq!(fan.id, "f");
    }
}

/// Without a repair of the whole text, `data` is repaired by itself.
#[test]
fn an_event_that_serde_json_reads_is_repaired_where_it_can_be() {
    let json = r#"{"id":"e","type":"fan.created","created":1,"data":{"fan":{"id":"\ud83c"}}}"#;
    let event: Event<EventData> = serde_json::from_str(json).expect("an event");
    let EventData::FanCreated(fan) = event.data else { panic!("{:?}", event.data) };
    assert_eq!(fan.id, "\u{fffd}");
}

//! Numbers are what was sent, wherever they stand.

use nevent_webhooks::event::{Event, EventData};
use serde_json::{Value, json};

const PURCHASE: &str = include_str!("../../data/events/purchase.completed.json");

fn read(json: &str) -> Event<EventData> {
    Event::from_json(json.as_bytes()).expect(json)
}

#[test]
fn numbers_of_undocumented_and_odd_fields() {
    let sent = r#"{"id":"e","type":"fan.created","created":1.0,"organization_id":"o","y":1.5,"data":{"fan":{"id":"f","score":0.1,"custom_fields":{"n":[1,-2.50,1e400]},"phone":34.5}}}"#;
    let event = read(sent);
    assert_eq!(event.extra["y"].to_string(), "1.5");
    let EventData::FanCreated(fan) = &event.data else { panic!("{event:?}") };
    assert_eq!(fan.extra["score"].to_string(), "0.1");
    assert_eq!((&fan.phone, fan.extra["phone"].to_string()), (&None, "34.5".to_owned()));
    assert_eq!(fan.custom_fields["n"].to_string(), r#"[1,-2.50,"1e400"]"#);
    let written = serde_json::to_string(&event).expect("JSON");
    assert!(!written.contains("private"), "{written}");
    assert!(written.contains(r#""y":1.5"#) && written.contains("-2.50"), "{written}");
    let again = serde_json::to_string(&read(&written)).expect("JSON");
    assert_eq!(again, written);
}

#[test]
fn a_purchase_is_written_as_it_was_sent() {
    let event = read(PURCHASE);
    let written: Value = serde_json::to_value(&event).expect("JSON");
    let sent: Value = serde_json::from_str(PURCHASE).expect("JSON");
    assert_eq!(written["data"]["purchase"]["total"], sent["data"]["purchase"]["total"]);
    assert_eq!(written["created"], json!(1_640_995_200));
    let text = serde_json::to_string(&event).expect("JSON");
    assert!(text.contains(r#""total":170.00"#), "{text}");
}

/// Here a number keeps its text, however many digits it has.
#[test]
fn all_digits_of_undocumented_numbers() {
    let digits = "122.4162940337865850000000000000000000001";
    let sent = format!(
        r#"{{"id":"e","type":"x.y","created":1,"a":[1,{digits}],"b":{{"c":-0.10,"d":{digits}}}}}"#
    );
    let event: Event = Event::from_json(sent.as_bytes()).expect("an event");
    assert_eq!(event.extra["a"].to_string(), format!("[1,{digits}]"));
    assert_eq!(event.extra["b"].to_string(), format!(r#"{{"c":-0.10,"d":{digits}}}"#));
}

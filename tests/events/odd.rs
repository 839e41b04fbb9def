//! Events as real senders write them, and as no documentation shows them.

use std::collections::BTreeMap;

use nevent_webhooks::Event;
use nevent_webhooks::event::{EventData, Fan, LiveEvent, Purchase, unread_fields};
use serde_json::{Map, Value, json};

use super::{FAN, LIVE_EVENT, PURCHASE, typed};

fn fan(json: &str) -> Fan {
    match typed(json).expect(json).data {
        EventData::FanCreated(fan) => *fan,
        other => panic!("{other:?}"),
    }
}

fn purchase(json: &str) -> Purchase {
    match typed(json).expect(json).data {
        EventData::PurchaseCompleted(purchase) => *purchase,
        other => panic!("{other:?}"),
    }
}

fn live_event(json: &str) -> LiveEvent {
    match typed(json).expect(json).data {
        EventData::EventPublished(event) => *event,
        other => panic!("{other:?}"),
    }
}

/// An event of that type and `data`.
pub(super) fn event(event_type: &str, data: &str) -> String {
    format!(r#"{{"id":"e","type":"{event_type}","created":1,"data":{data},"organization_id":"o"}}"#)
}

fn is_stable(json: &str) {
    let written = serde_json::to_string(&typed(json).expect(json)).expect("JSON");
    let again = serde_json::to_string(&typed(&written).expect(&written)).expect("JSON");
    assert_eq!(again, written);
}

const HALF: &str = r"Party \ud83c";
const MENDED: &str = "Party \u{fffd}";

#[test]
fn half_a_surrogate_pair_is_the_replacement_character() {
    let read = fan(&FAN.replace("María", HALF).replace("techno", HALF));
    assert_eq!((read.first_name.as_deref(), &*read.tags[0]), (Some(MENDED), MENDED));
    let undocumented = format!(r#"{{"fan":{{"id":"f","x{HALF}":[{{"y":"{HALF}"}}]}}}}"#);
    assert_eq!(fan(&event("fan.created", &undocumented)).extra["xParty \u{fffd}"][0]["y"], MENDED);
    let whole = fan(&FAN.replace("María", r"\ud83c\udf89"));
    assert_eq!(whole.first_name.as_deref(), Some("🎉"));
}

/// Each one's name is longer than the last, so many of them would take memory by the square.
#[test]
fn few_names_of_an_object_may_become_the_same() {
    let with = |count| {
        let fields = r#","\ud83c":1"#.repeat(count);
        format!(r#"{{"id":"e","type":"x","created":1,"data":{{}}{fields}}}"#)
    };
    let few: Event = Event::from_json(with(9).as_bytes()).expect("an event");
    assert_eq!(few.extra.len(), 9);
    let error = Event::<Value>::from_json(with(10).as_bytes()).expect_err("too many");
    assert!(error.to_string().contains("duplicate field"), "{error}");
    assert!(Event::<Value>::from_json(with(100_000).as_bytes()).is_err());
}

#[test]
fn odd_fields_of_the_envelope_and_of_raw_data() {
    let body = event(r"x.\udead", r#"{"fan":{"id":"f","first_name":"\ud83c"}}"#);
    let body = body.replace(r#""id":"e""#, r#""id":"e\ud83c","note":"\ud83c""#);
    let event: Event = Event::from_json(body.as_bytes()).expect("an event");
    assert_eq!((&*event.id, &*event.event_type), ("e\u{fffd}", "x.\u{fffd}"));
    assert_eq!(event.extra["note"], "\u{fffd}");
    assert_eq!(event.data.get(), r#"{"fan":{"id":"f","first_name":"\ufffd"}}"#);
    let value: Value = serde_json::from_str(event.data.get()).expect("readable by anyone");
    assert_eq!(event.data_as::<Value>().expect("JSON"), value);
}

/// Of the name of a field in the samples, a value that it cannot be read from.
const ODD: [(&str, &str, &str); 22] = [
    (FAN, "fan.email", "7"),
    (FAN, "fan.first_name", "{}"),
    (FAN, "fan.phone", "34600123456"),
    (FAN, "fan.custom_fields", "[]"),
    (FAN, "fan.custom_fields", r#""none""#),
    (FAN, "fan.tags", "{}"),
    (FAN, "fan.tags", r#""vip""#),
    (FAN, "fan.tags", r#"["vip",7]"#),
    (FAN, "fan.created_at", r#""2024-03-15T11:00:00""#),
    (FAN, "fan.created_at", "1710500400"),
    (FAN, "fan.created_at", r#""""#),
    (LIVE_EVENT, "event.venue", "[]"),
    (LIVE_EVENT, "event.venue", r#""Sala""#),
    (LIVE_EVENT, "event.venue", r#"{"city":"Barcelona"}"#),
    (LIVE_EVENT, "event.lineup", r#"[{"name":"DJ Koze"},{"name":7}]"#),
    (LIVE_EVENT, "event.date", r#""2024-09-20T23:30:00Z""#),
    (LIVE_EVENT, "event.date", r#""2024-09-20 23:30""#),
    (LIVE_EVENT, "event.date", r#""""#),
    (LIVE_EVENT, "event.published_at", "1e400"),
    (PURCHASE, "purchase.status", "1"),
    (PURCHASE, "purchase.purchased_at", "true"),
    (PURCHASE, "organization_id", "7"),
];

#[test]
fn an_odd_optional_field_is_left_out_and_kept() {
    for (sample, name, odd) in ODD {
        let mut sent: Value = serde_json::from_str(sample).expect("JSON");
        let (object, field) = name.rsplit_once('.').unwrap_or(("", name));
        let place = if object.is_empty() { String::new() } else { format!("/data/{object}") };
        let object = sent.pointer_mut(&place).and_then(Value::as_object_mut).expect("there");
        object.insert(field.to_owned(), json!("@"));
        let sent = sent.to_string().replace(r#""@""#, odd);

        let before = unread_fields().get(name).copied().unwrap_or_default();
        let event = typed(&sent).expect(&sent);
        assert!(unread_fields()[name] > before, "{name} is counted");
        assert_eq!(event.unread_fields(), [name]);
        let written: Value = serde_json::to_value(&event).expect("JSON");
        let kept = &written.pointer(&place).expect("there")[field];
        assert_eq!(*kept, serde_json::from_str::<Value>(odd).unwrap_or_else(|_| odd.into()));
        is_stable(&sent);
        let refused = event.strict().expect_err("an odd field").to_string();
        assert!(refused.ends_with(&format!("`{name}` is not as documented")), "{refused}");
    }
    assert!(typed(FAN).expect("a fan").strict().is_ok());
}

#[test]
fn odd_fields_stand_in_the_objects_they_came_in() {
    let venue = r#"{"name":"Sala","city":["Barcelona"]}"#;
    let sent = event(
        "event.published",
        &format!(r#"{{"event":{{"id":"e","name":"n","venue":{venue}}}}}"#),
    );
    let read = live_event(&sent).venue.expect("a venue");
    assert_eq!(
        (&*read.name, &read.city, &read.extra["city"]),
        ("Sala", &None, &json!(["Barcelona"]))
    );
    assert_eq!(typed(&sent).expect("an event").unread_fields(), ["venue.city"]);
}

#[test]
fn odd_fields_of_a_list_are_found() {
    let sent = PURCHASE.replacen(r#""currency": "EUR""#, r#""currency": 7"#, 1);
    let read = typed(&sent).expect("an event");
    assert_eq!(read.unread_fields(), ["ticket.currency"], "{sent}");
    assert!(read.strict().is_err());
}

#[test]
fn an_organization_that_is_set_takes_the_place_of_an_odd_one() {
    let sent = event("x.y", "{}").replace(r#":"o""#, ":7");
    let mut read: Event = Event::from_json(sent.as_bytes()).expect("an event");
    assert_eq!((&read.organization_id, &read.extra["organization_id"]), (&None, &json!(7)));
    read.organization_id = Some("org_2".to_owned());
    let written = serde_json::to_string(&read).expect("JSON");
    assert_eq!(written.matches("organization_id").count(), 1, "{written}");
}

/// Nobody could tell them apart once they are mended, but nothing is lost.
#[test]
fn names_that_are_mended_alike_are_kept_apart() {
    let fields = r#"{"\ud83c":1,"\ud83d":2,"\ud83e":3}"#;
    let read =
        fan(&event("fan.created", &format!(r#"{{"fan":{{"id":"f","custom_fields":{fields}}}}}"#)));
    let values: Vec<_> = read.custom_fields.values().collect();
    assert_eq!(values, [1, 2, 3]);
}

/// Or what is written would have the field twice, and could not be read.
#[test]
fn a_field_that_is_set_takes_the_place_of_the_odd_value() {
    let mut read = fan(&event("fan.created", r#"{"fan":{"id":"f","email":7}}"#));
    read.email = Some("maria@example.com".to_owned());
    read.extra.insert("id".to_owned(), json!("g"));
    let written = serde_json::to_string(&read).expect("JSON");
    assert_eq!(written, r#"{"id":"f","email":"maria@example.com"}"#);
}

#[test]
fn whole_numbers_are_whole_however_they_are_written() {
    for (written, quantity) in [("2.0", 2), ("\"2\"", 2), ("2e0", 2), ("-2", -2), ("20e-1", 2)] {
        let sent = PURCHASE.replace(r#""quantity": 2"#, &format!(r#""quantity": {written}"#));
        assert_eq!(purchase(&sent).tickets[0].quantity, quantity, "{written}");
    }
    for written in ["1640995200.0", "1.6409952e9", "\"1640995200\""] {
        let event = typed(&PURCHASE.replace("1640995200", written)).expect(written);
        assert_eq!(event.created.as_second(), 1_640_995_200, "{written}");
    }
    for written in ["2.5", "1.0000000000000000001", "\"two\"", "null", "1e30", "[2]"] {
        let sent = PURCHASE.replace(r#""quantity": 2"#, &format!(r#""quantity": {written}"#));
        let error = typed(&sent).expect_err(written).to_string();
        assert!(error.ends_with("expected a whole number"), "{error}");
    }
    for written in ["1640995200.5", "9e15", "\"2022-01-01\""] {
        typed(&PURCHASE.replace("1640995200", written)).expect_err(written);
    }
}

#[test]
fn undocumented_numbers_beyond_a_float_are_their_text() {
    let long = "9".repeat(400);
    for number in ["1e400", "-1.5E+999", &long] {
        let sent = FAN.replacen("\"email\"", &format!("\"score\":[{number}],\"email\""), 1);
        assert_eq!(fan(&sent).extra["score"][0], number);
        is_stable(&sent);
    }
    let sent = event("x.y", r#"{"n":1e400,"m":1.50}"#).replacen('{', r#"{"n":1e400,"#, 1);
    let event: Event = Event::from_json(sent.as_bytes()).expect("an event");
    assert_eq!(
        (&event.extra["n"], event.data.get()),
        (&json!("1e400"), r#"{"n":"1e400","m":1.50}"#)
    );
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let event = typed(&format!("\u{feff}{FAN}")).expect("a fan");
    assert_eq!(event.event_type, "fan.created");
}

/// As a panel's "send test event" may look.
#[test]
fn a_ping_has_neither_data_nor_organisation() {
    let ping = r#"{"id":"e","type":"ping","created":1}"#;
    let raw: Event = Event::from_json(ping.as_bytes()).expect("an event");
    assert_eq!((raw.organization_id.as_deref(), raw.data.get()), (None, "null"));
    let event = typed(ping).expect("an event");
    assert!(matches!(&event.data, EventData::Unknown { data, .. } if data.get() == "null"));
    let written = serde_json::to_string(&event).expect("JSON");
    assert_eq!(written, r#"{"id":"e","type":"ping","created":1,"data":null}"#);
    let own: Event<Option<Map<String, Value>>> =
        Event::from_json(ping.as_bytes()).expect("an event");
    assert_eq!(own.data, None);
    let known = typed(&ping.replace("ping", "fan.created")).expect_err("no fan").to_string();
    assert!(known.ends_with("`data`: null, expected an object with a field `fan`"), "{known}");
    let needed = Event::<BTreeMap<String, Value>>::from_json(ping.as_bytes()).expect_err("no data");
    assert!(needed.to_string().ends_with("missing field `data`"), "{needed}");
}

/// Nobody could tell which of the two is meant.
#[test]
fn a_field_that_is_there_twice_is_refused() {
    let of_fan =
        |fields: &str| event("fan.created", &format!(r#"{{"fan":{{"id":"f",{fields}}}}}"#));
    let bodies = [
        of_fan(r#""x":1,"x":1"#),
        of_fan(r#""x":{"y":[{"z":1,"\u007a":2}]}"#),
        of_fan(r#""email":"a","email":"b""#),
        of_fan(r#""email":7,"email":"b""#),
        of_fan(r#""custom_fields":{"a":1,"a":2}"#),
        event("fan.created", r#"{"fan":{"id":"f"},"beside":1,"beside":2}"#),
        event(
            "event.created",
            r#"{"event":{"id":"e","name":"n","venue":{"name":"a","name":"b"}}}"#,
        ),
        event("email.sent", r#"{"email":{"x":1,"x":2}}"#),
        event("x.y", "{}").replacen('{', r#"{"x":1,"x":2,"#, 1),
        event("x.y", "{}").replacen('{', r#"{"x":{"y":1,"y":2},"#, 1),
        event("x.y", "{}").replacen('{', r#"{"organization_id":1,"#, 1),
    ];
    for body in bodies {
        let error = typed(&body).expect_err(&body).to_string();
        assert!(error.contains("duplicate field `"), "{error}");
    }
}

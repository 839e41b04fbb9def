//! What becomes of the documented samples when fields are added, taken away, or changed.

use nevent_webhooks::Event;
use nevent_webhooks::event::EventData;
use serde_json::{Value, json};

use super::{FAN, PURCHASE, SAMPLES, typed};

/// Of each object, these say what it is; without any other field it is still read.
#[test]
fn fields_taken_away() {
    let required = [
        ("/data/purchase", &["id", "fan", "event", "tickets", "total", "currency"][..]),
        ("/data/purchase/tickets/0", &["type", "quantity", "price"]),
        ("/data/purchase/fan", &["id"]),
        ("/data/purchase/event", &["id", "name"]),
        ("/data/fan", &["id"]),
        ("/data/event", &["id", "name"]),
        ("", &["id", "type", "created", "data"]),
    ];
    for sample in SAMPLES {
        let original: Value = serde_json::from_str(sample).expect("JSON");
        for (place, required) in required {
            let Some(Value::Object(object)) = original.pointer(place) else { continue };
            for field in object.keys() {
                let mut changed = original.clone();
                changed
                    .pointer_mut(place)
                    .and_then(Value::as_object_mut)
                    .expect("there")
                    .remove(field);
                let result = typed(&changed.to_string());
                assert_eq!(result.is_err(), required.contains(&&**field), "{place}/{field}");
                if let Err(error) = result {
                    assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
                }
            }
        }
    }
}

#[test]
fn fields_added() {
    for sample in SAMPLES {
        let mut changed: Value = serde_json::from_str(sample).expect("JSON");
        for_each_object(&mut changed, &mut |object| {
            object.insert("added_later".to_owned(), json!({"a": [1, null, "x"], "b": 0.5}));
        });
        let event = typed(&changed.to_string()).expect("tolerated");
        let mut written = serde_json::to_value(&event).expect("JSON");
        // What stands beside the object in `data` is within reach in the raw event alone.
        let beside = changed["data"].as_object_mut().and_then(|data| data.remove("added_later"));
        assert!(beside.is_some());
        assert_eq!(written.take(), changed);
    }
}

/// A required field of another type is refused by its place. An optional one is left out,
/// and comes out as it came when the event is written.
#[test]
fn fields_changed() {
    for sample in SAMPLES {
        let original: Value = serde_json::from_str(sample).expect("JSON");
        for place in places(&original) {
            let sent = original.pointer(&place).expect("there");
            for value in
                [json!(null), json!(true), json!(-1.5), json!("?"), json!([[]]), json!({ "x": 1 })]
            {
                let mut changed = original.clone();
                *changed.pointer_mut(&place).expect("there") = value.clone();
                let result = typed(&changed.to_string());
                let is_read = is_optional(&place) || is_as_good(&place, sent, &value);
                assert_eq!(result.is_ok(), is_read, "{place} = {value}: {result:?}");
                match result {
                    Ok(event) => it_is_written_as_it_was(&event, changed, &place),
                    Err(error) => {
                        let field = place.rsplit('/').find(|part| part.parse::<usize>().is_err());
                        let error = error.to_string();
                        let names = error.contains(field.expect("a name"));
                        assert!(names, "{place} = {value}: {error}");
                    }
                }
            }
        }
    }
    for (from, to) in [("170.00", r#""170.00""#), (r#""card""#, "null"), ("85.00", "8500e-2")] {
        typed(&PURCHASE.replace(from, to)).expect("as good");
    }
    typed(&FAN.replace(r#"["techno", "vip"]"#, "null")).expect("no tags");
}

/// Required fields are read from what is as good.
fn is_as_good(place: &str, sent: &Value, value: &Value) -> bool {
    let field = place.rsplit('/').next().expect("a name");
    match value {
        // A name of another type is of a type that is not known.
        Value::String(_) => sent.is_string(),
        Value::Number(_) => ["total", "price"].contains(&field),
        _ => false,
    }
}

/// Whether this field, or one that it is in, may be missing. (A ticket's currency may, a
/// purchase's may not.)
fn is_optional(place: &str) -> bool {
    let within = place.replace("tickets/0/currency", "status");
    within.split('/').any(|field| OPTIONAL.contains(&field))
}

fn it_is_written_as_it_was(event: &Event<EventData>, mut sent: Value, place: &str) {
    let written = serde_json::to_value(event).expect("JSON");
    let again = typed(&written.to_string()).expect(place);
    assert_eq!(serde_json::to_value(&again).expect("JSON"), written, "{place}");
    // Nothing is not written; but a list with a nameless entry stays as it is.
    let (object, field) = place.rsplit_once('/').expect("a place");
    if sent.pointer(place) == Some(&Value::Null) && field != "name" {
        sent.pointer_mut(object).and_then(Value::as_object_mut).map(|object| object.remove(field));
    }
    assert_eq!(written, sent, "{place}");
}

const OPTIONAL: [&str; 18] = [
    "organization_id",
    "email",
    "first_name",
    "last_name",
    "phone",
    "city",
    "country",
    "tags",
    "created_at",
    "source",
    "date",
    "venue",
    "lineup",
    "published_at",
    "spotify_id",
    "payment_method",
    "status",
    "purchased_at",
];

fn for_each_object(
    value: &mut Value,
    change: &mut impl FnMut(&mut serde_json::Map<String, Value>),
) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(|value| for_each_object(value, change));
            change(object);
        }
        Value::Array(values) => values.iter_mut().for_each(|value| for_each_object(value, change)),
        _ => {}
    }
}

/// All places in a value, as JSON pointers.
fn places(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(values) => {
            values.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for (key, child) in children {
        all.push(format!("/{key}"));
        all.extend(places(child).into_iter().map(|place| format!("/{key}{place}")));
    }
    all
}

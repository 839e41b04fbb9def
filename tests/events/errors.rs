//! What errors tell: the place and the kind of what is wrong, never the sender's text.

use std::collections::HashMap;

use nevent_webhooks::{Event, EventError};
use serde_json::Value;

use super::odd::event;
use super::{PURCHASE, typed};

#[test]
fn errors_name_the_place_and_the_kind_of_value() {
    let of = |from, to| typed(&PURCHASE.replace(from, to)).expect_err(to).to_string();
    let start = "not the JSON of such an event: ";
    assert!(of("85.00", r#""ten""#).starts_with(&format!(
        "{start}`data.purchase.tickets[0].price`: a string of 3 bytes, expected an amount of at \
         most 28 digits"
    )));
    assert!(of(r#""purchase":"#, r#""order":"#).contains("`data`: missing field `purchase`"));
    let of_data = |data: &str| {
        let sample = format!(
            r#"{{"id":"e","type":"fan.created","created":1,"data":{data},"organization_id":"o"}}"#
        );
        typed(&sample).expect_err(data).to_string()
    };
    assert!(
        of_data("7").ends_with("`data`: a number of 1 byte, expected an object with a field `fan`")
    );
    assert!(of("1640995200", r#""today""#).starts_with(&format!("{start}`created`: ")));
    assert!(of("\"id\": \"evt_0", "\"id\" \"evt_0").ends_with("expected `:` at line 2 column 8"));
}

/// A type of the user's own may quote what it does not take.
#[derive(Debug)]
struct Quoting;

impl<'de> serde::Deserialize<'de> for Quoting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Err(serde::de::Error::custom(format!("not what I want: {value}")))
    }
}

#[derive(Debug, serde::Deserialize)]
#[allow(dead_code, reason = "none is ever read")]
enum Kind {
    One,
}

#[test]
fn an_error_is_one_short_line_without_the_value() {
    let private = format!("maria@example.com\\n\u{2028}{}", "x".repeat(480_000));
    let text = format!("\"{private}\"");
    let named = |value: &str| format!(r#"{{"{private}":{value}}}"#);
    let read = |json: String| Event::<Quoting>::from_json(json.as_bytes()).map(|_| ());
    let map = |json: String| Event::<HashMap<String, u8>>::from_json(json.as_bytes()).map(|_| ());
    let kind = |json: String| Event::<Kind>::from_json(json.as_bytes()).map(|_| ());
    let any = |json: String| typed(&json).map(|_| ());
    let errors: Vec<Result<(), EventError>> = vec![
        any(event("fan.created", &text)),
        any(event("fan.created", &format!(r#"{{"fan":{text}}}"#))),
        any(event("fan.created", &format!(r#"{{"fan":{{"id":[{text}]}}}}"#))),
        any(event("fan.created", &format!(r#"{{"fan":{{"id":"f",{text}:1,{text}:2}}}}"#))),
        any(PURCHASE.replace("170.00", &text)),
        any(PURCHASE.replace(r#""quantity": 2"#, &format!(r#""quantity": {text}"#))),
        any(PURCHASE.replace("1640995200", &text)),
        any(text.clone()),
        any(format!("[{text}]")),
        any(format!("{{{text}}}")),
        read(event("x.y", &text)),
        map(event("x.y", &named("true"))),
        map(event("x.y", &named(&text))),
        kind(event("x.y", &text)),
        kind(event("x.y", &format!(r#""invalid type: , expected {private}""#))),
        kind(event("x.y", &format!(r#""not missing field `{private}""#))),
    ];
    for error in errors {
        let error = error.expect_err("private");
        for shown in [
            error.to_string(),
            format!("{error:?}"),
            nevent_webhooks::Rejection::from(error).to_string(),
        ] {
            assert!(shown.len() <= 320, "{} bytes: {shown}", shown.len());
            assert!(!shown.contains(['\n', '\u{2028}']), "{shown}");
            let is_a_name = shown.matches("maria").count()
                == shown.matches("maria@example.com").count()
                && (shown.contains("duplicate field `maria") || shown.contains("data.maria"));
            assert!(is_a_name || !shown.contains("maria"), "{shown}");
        }
    }
}

/// A long name leaves room for the field within it.
#[test]
fn long_names_are_shortened_one_by_one() {
    let data = format!(r#"{{"{}":{{"inner":true}}}}"#, "x".repeat(1000));
    let json = event("x.y", &data);
    let error = Event::<HashMap<String, HashMap<String, u8>>>::from_json(json.as_bytes());
    let error = error.expect_err("no number").to_string();
    assert!(error.contains("x….inner`: a boolean, expected u8"), "{error}");
}

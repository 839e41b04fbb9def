//! The format, which may not change by accident, and what is said of entries that are not of it.

mod random;
#[cfg(feature = "schemes")]
mod schemes;

use std::collections::HashMap;

use super::*;
use crate::Secret;
use crate::testing::SignedDelivery;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn envelope(body: &[u8]) -> Envelope {
    let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").unwrap();
    let sent = SignedDelivery::new(&secret, "d-1", body).signed_at(1_640_995_200);
    let headers: Vec<_> = sent.headers().collect();
    Envelope::with_signature(&sent.verified(&secret).unwrap(), |name| {
        let of_name = headers.iter().filter(move |(header, _)| *header == name);
        of_name.map(|(_, value)| value.as_bytes())
    })
}

/// The digest of `EVENT`.
const V1: &str = "0e8f1cda33ba1050260b40e0240c7eb3c4108594c584874f81787dc8cb04ac1b";

const EVENT: &str = r#"{"id":"evt_1","type":"ping","created":1640995200}"#;

/// Every field, with values that need an encoding.
fn full() -> Envelope {
    let mut envelope = envelope(EVENT.as_bytes()).with_trace(PARENT, Some("a=1, b=2"));
    let head = Arc::make_mut(&mut envelope.head);
    head.position = Some(3);
    head.event_type = Some("Gr\u{fc}\u{df}e %\n".to_owned());
    head.event_header = Some("x 1".to_owned());
    head.version_header = Some("2026-07".to_owned());
    head.tenant = Some("Acme AG".into());
    head.endpoint = Some("tickets".to_owned());
    head.signature.push(("x-other".to_owned(), "a&b=c".to_owned()));
    envelope
}

fn by_headers(envelope: &Envelope) -> Result<Envelope, EnvelopeError> {
    let headers: HashMap<_, _> = envelope.headers().collect();
    Envelope::from_headers(|name| headers.get(name), envelope.body().clone())
}

#[test]
fn the_json_of_version_1_never_changes() {
    let json = concat!(
        r#"{"version":1,"id":"evt_1","dedupe_key":"event_id","delivery_id":"d-1","position":3,"#,
        r#""scheme":"nevent","event_type":"Grüße %\n","#,
        r#""event_header":"x 1","version_header":"2026-07","is_readable":true,"#,
        r#""received_at_ms":1640995200000,"signed_at":1640995200,"secret":"primary","#,
        r#""tenant":"Acme AG","endpoint":"tickets","#,
        r#""traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","#,
        r#""tracestate":"a=1, b=2","signature":[["x-nevent-signature","t=1640995200,v1="#,
        r#"SIGNED"],["x-other","a&b=c"]],"#,
        r#""body":"{\"id\":\"evt_1\",\"type\":\"ping\",\"created\":1640995200}"}"#,
    );
    assert_eq!(full().to_json(), json.replace("SIGNED", V1));
    assert_eq!(Envelope::from_json(full().to_json()).unwrap(), full());
    let few = concat!(
        r#"{"version":1,"id":"d-1","dedupe_key":"delivery_id","delivery_id":"d-1","#,
        r#""scheme":"nevent","is_readable":false,"received_at_ms":1640995200000,"#,
        r#""signed_at":1640995200,"secret":"primary","body_base64":"/wA="}"#,
    );
    let odd = envelope(b"\xff\0").signed(None);
    assert_eq!(odd.to_json(), few);
    assert_eq!(Envelope::from_json(few).unwrap(), odd);
}

#[test]
fn the_headers_of_version_1_never_change() {
    let headers: Vec<_> = full().headers().collect();
    let of = |name: &str| format!("webhook-envelope-{name}");
    let signature = format!("x-nevent-signature=t%3D1640995200,v1%3D{V1}&x-other=a%26b%3Dc");
    let expected = [
        ("version", "1"),
        ("id", "evt_1"),
        ("dedupe-key", "event_id"),
        ("delivery-id", "d-1"),
        ("position", "3"),
        ("scheme", "nevent"),
        ("event-type", "Gr%C3%BC%C3%9Fe%20%25%0A"),
        ("event-header", "x%201"),
        ("version-header", "2026-07"),
        ("is-readable", "true"),
        ("received-at-ms", "1640995200000"),
        ("signed-at", "1640995200"),
        ("secret", "primary"),
        ("tenant", "Acme%20AG"),
        ("endpoint", "tickets"),
        ("traceparent", PARENT),
        ("tracestate", "a=1,%20b=2"),
        ("signature", &signature),
    ];
    let expected = expected.map(|(name, value)| (of(name), value.to_owned()));
    let found = headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    assert_eq!(found.collect::<Vec<_>>(), expected);
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, Envelope::HEADER_NAMES);
    assert_eq!(by_headers(&full()).unwrap(), full());
}

#[test]
fn unknown_fields_and_headers_are_ignored() {
    let json = full().to_json().replacen('{', r#"{"later":[{"a":1}],"#, 1);
    assert_eq!(Envelope::from_json(json).unwrap(), full());
    let json = format!("\u{feff} {}\n", full().to_json());
    assert_eq!(Envelope::from_json(json).unwrap(), full(), "a byte order mark");
}

/// An error is one line, and shows nothing of the entry.
#[test]
fn what_is_no_envelope_says_so_and_shows_no_value() {
    let json = full().to_json();
    let with = |from: &str, to: &str| json.replacen(from, to, 1);
    for (entry, starts) in [
        (with(r#""version":1"#, r#""version":2"#), "the envelope has version 2, and this"),
        (
            r#"{"version":2,"id":7,"position":"none"}"#.into(),
            "the envelope has version 2, and this",
        ),
        (with(r#""version":1,"#, ""), "the envelope has no `version`: read"),
        ("{}".into(), "the envelope has no `version`: read"),
        (with(r#""id":"evt_1","#, ""), "the envelope has no `id`: read"),
        (with(r#""id":"evt_1""#, r#""id":"a\nsecret""#), "the envelope's `id` is not 1 to 128"),
        (with(r#""id":"evt_1""#, r#""id":{"secret":1}"#), "not the JSON of an envelope: `id`: an"),
        (with("event_id", "secret"), "the envelope's `dedupe_key` is neither event_id nor"),
        (with(r#""position":3"#, r#""position":-3"#), "not the JSON of an envelope: `position`: "),
        (with("Acme AG", "{secret}"), "the envelope's `tenant` is with a brace"),
        (with(r#""body":"#, r#""nobody":"#), "the envelope has no `body`: read"),
        (with(r#""body":"#, r#""body_base64":"#), "the envelope's `body_base64` is not base64"),
        (
            with(r#""body":"#, r#""body_base64":"","body":"#),
            "the envelope's `body_base64` is there",
        ),
        ("secret".into(), "not the JSON of an envelope: "),
        (String::new(), "not the JSON of an envelope: "),
        (r#"[1,"secret","event_id","d-1"]"#.into(), "not the JSON of an envelope: "),
        (json.replacen('{', r#"{"id":"evt_1","#, 1), "not the JSON of an envelope: "),
    ] {
        let error = Envelope::from_json(&entry).expect_err(starts).to_string();
        assert!(error.starts_with(starts), "{error}");
        assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn a_header_that_is_missing_or_changed_says_so() {
    let headers: HashMap<_, _> = full().headers().collect();
    for (name, value, starts) in [
        ("version", None, "the envelope has no `version`: read"),
        ("version", Some("2"), "the envelope has version 2, and this release reads version 1: "),
        ("delivery-id", None, "the envelope has no `delivery_id`: read"),
        ("id", Some("%0Asecret"), "the envelope's `id` is not 1 to 128"),
        ("id", Some("secret "), "the envelope's `id` is not encoded as its header is"),
        ("is-readable", Some("secret"), "the envelope's `is_readable` is not encoded as its"),
        ("received-at-ms", Some("1.5"), "the envelope's `received_at_ms` is not encoded as"),
        ("signature", Some("secret"), "the envelope's `signature` is not encoded as its"),
    ] {
        let mut headers = headers.clone();
        let name = Envelope::HEADER_NAMES.iter().find(|full| full.ends_with(name)).unwrap();
        headers.remove(name);
        headers.extend(value.map(|value| (*name, value.to_owned())));
        let error = Envelope::from_headers(|name| headers.get(name), "secret").unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with(starts), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

/// It is unsigned, and matters less than the entry.
#[test]
fn a_trace_context_of_another_form_is_left_out() {
    for (from, to) in [("00-4b", "odd"), ("\"traceparent\"", "\"other\""), ("a=1", "\\u0000")] {
        let json = full().to_json().replacen(from, to, 1);
        let read = Envelope::from_json(json).unwrap();
        assert_eq!(read.tracestate(), None, "{to}");
        assert_eq!(read.traceparent().is_some(), from == "a=1", "{to}");
    }
}

#[test]
fn an_event_with_a_field_for_events_is_an_event() {
    let event = r#"{"id":"evt_1","type":"t","created":1640995200,"events":[]}"#;
    let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").unwrap();
    let of = |body| SignedDelivery::new(&secret, "d-1", body).verified(&secret).unwrap();
    assert_eq!(Envelope::split(&of(event)).len(), 1);
    assert_eq!(Envelope::split(&of("[]")).len(), 0);
}

#[test]
fn debug_shows_no_body() {
    let shown = format!("{:?}", envelope(br#"{"email":"maria@example.com"}"#));
    assert!(shown.contains("body_length: 29") && !shown.contains("maria"), "{shown}");
}

#[test]
fn ids_and_types_that_no_header_can_hold_are_bounded() {
    let long = "x".repeat(300);
    let body = format!(r#"{{"id":"{long}","type":"{long}","created":1}}"#);
    let entry = envelope(body.as_bytes());
    assert!(entry.id().as_str().starts_with("id-sha256:"));
    assert_eq!((entry.is_readable(), entry.event_type()), (true, None));
    assert!(entry.headers().all(|(_, value)| value.len() < 300));
}

//! Any bytes as an entry of a queue, as JSON or as headers and a body: nothing panics, an error is one
//! line, and an entry that can be read is written and read again as it was, in both encodings.
//!
//! The input is JSON if it begins with `{`. Otherwise it is a message: lines `name value` with the names
//! of headers without their prefix, an empty line, and the body.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use nevent_webhooks::queue::{Envelope, EnvelopeError};

fuzz_target!(|input: &[u8]| {
    let read = if input.starts_with(b"{") { Envelope::from_json(input) } else { message(input) };
    match read {
        Ok(envelope) => it_survives_both_encodings(&envelope),
        Err(error) => {
            let shown = error.to_string();
            assert!(shown.len() <= 500 && !shown.contains(char::is_control), "{shown:?}");
        }
    }
});

fn message(input: &[u8]) -> Result<Envelope, EnvelopeError> {
    let mut headers: HashMap<&[u8], &[u8]> = HashMap::new();
    let mut rest = input;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        let Some(space) = line.iter().position(|byte| *byte == b' ') else { break };
        headers.insert(&line[..space], &line[space + 1..]);
    }
    let value = |name: &'static str| {
        let name = name.strip_prefix("webhook-envelope-").expect("the prefix of all headers");
        headers.get(name.as_bytes())
    };
    Envelope::from_headers(value, rest.to_vec())
}

fn it_survives_both_encodings(envelope: &Envelope) {
    let json = envelope.to_json();
    assert_eq!(Envelope::from_json(&json).as_ref(), Ok(envelope), "{json}");
    let headers: HashMap<_, _> = envelope.headers().collect();
    for (name, value) in &headers {
        assert!(Envelope::HEADER_NAMES.contains(name));
        assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "{name}: {value:?}");
    }
    let again = Envelope::from_headers(|name| headers.get(name), envelope.body().clone());
    assert_eq!(again.as_ref(), Ok(envelope), "{json}");
    // Neither may panic, whatever the body is.
    let _ = envelope.event::<serde_json::Value>();
    let _ = envelope.json::<serde_json::Value>();
}

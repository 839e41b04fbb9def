use std::ffi::OsStr;
use std::io::{Read, stdin};

use hyper::body::Bytes;
use hyper::header::HeaderValue;

use crate::options::header;

/// A body to send, and the type for the `X-Nevent-Event` header.
pub type BodyAndEvent = (Bytes, Option<HeaderValue>);

pub fn sample(event: &str) -> Result<BodyAndEvent, String> {
    let Some((name, body)) = SAMPLES.iter().find(|(name, _)| *name == event) else {
        let names = SAMPLES.map(|(name, _)| name).join("\n  ");
        return Err(format!(
            "--event {event:?}: there is no sample of that type. Give its JSON with --body, or \
             one of these types:\n  {names}"
        ));
    };
    Ok((Bytes::from_static(body.as_bytes()), Some(HeaderValue::from_static(name))))
}

pub fn own_body(file: &OsStr, event: Option<&str>) -> Result<BodyAndEvent, String> {
    let body = read(file).map_err(|error| {
        let file = file.display();
        format!("--body {file}: {error}. Give the path of a readable file, or - for stdin")
    })?;
    let event = match event {
        Some(event) => Some(header("--event", event)?),
        None => type_within(&body),
    };
    Ok((body.into(), event))
}

fn read(file: &OsStr) -> std::io::Result<Vec<u8>> {
    if file != "-" {
        return std::fs::read(file);
    }
    let mut body = Vec::new();
    stdin().read_to_end(&mut body)?;
    Ok(body)
}

/// The `type` of an event, if the body is one.
fn type_within(body: &[u8]) -> Option<HeaderValue> {
    let json: serde_json::Value = serde_json::from_slice(body).ok()?;
    HeaderValue::from_str(json.get("type")?.as_str()?).ok()
}

macro_rules! samples {
    ($($event_type:literal)*) => {
        [$(($event_type, include_str!(concat!("payloads/", $event_type, ".json")))),*]
    };
}

/// A sample of every type of event.
const SAMPLES: [(&str, &str); 17] = samples![
    "fan.created" "fan.updated" "fan.deleted"
    "purchase.completed" "purchase.refunded" "purchase.cancelled"
    "attendance.checked_in" "attendance.checked_out"
    "email.sent" "email.opened" "email.clicked"
    "sms.sent" "sms.delivered"
    "event.created" "event.updated" "event.published" "event.cancelled"
];

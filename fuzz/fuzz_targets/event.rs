//! Any bytes as an event, against a plain reading of them; and what was read is written as
//! it was, to the last digit of an amount.
#![no_main]

use jiff::{Timestamp, civil::Date};
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::event::{Event, EventData, Purchase, RawValue};
use nevent_webhooks_fuzz::json::{Json, event_id, mended};
use serde::Deserialize;
use serde_json::Value;

fuzz_target!(|body: &[u8]| {
    let raw: Result<Event, _> = Event::from_json(body);
    let typed = Event::<EventData>::from_json(body);
    let has_data = Event::<Box<RawValue>>::from_json(body).is_ok();
    assert!(raw.as_ref().map_or(!has_data, |event| has_data || event.data.get() == "null"));
    for error in [raw.as_ref().err(), typed.as_ref().err()].into_iter().flatten() {
        let shown = error.to_string();
        assert!(shown.len() <= 400 && !shown.contains(char::is_control), "{shown:?}");
    }
    assert!(raw.is_ok() || typed.is_err(), "what is typed can be read raw");
    match Json::read(body) {
        Ok(json) if json.has_unclear_names() => return,
        Ok(json) if json.has_unclear_time() => {}
        Ok(json) => {
            assert_eq!(raw.as_ref().ok().map(|event| event.id.as_str()), event_id(&json));
        }
        Err(error) if Json::is_none(body, &error) => assert!(raw.is_err()),
        // A number beyond a float's range is not looked into.
        Err(_) => {}
    }
    let body = &mended(body)[..];
    if let Ok(event) = &raw {
        it_is_what_the_value_says(event, body);
        let data = event.typed().map_err(|error| error.to_string());
        let at_once = typed.as_ref().map(|event| &event.data).map_err(ToString::to_string);
        assert_eq!(format!("{data:?}"), format!("{at_once:?}"));
    }
    if let (Ok(event), Ok(raw)) = (typed, raw) {
        let again = it_survives_a_round_trip(&event, body);
        amounts_are_exact(&event.data, &raw.data);
        amounts_are_exact(&again.data, &raw.data);
    }
});

fn it_is_what_the_value_says(event: &Event, body: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    assert_eq!(value["id"], *event.id);
    assert_eq!(value["type"], *event.event_type);
    if value["created"].is_i64() {
        assert_eq!(value["created"].as_i64(), Some(event.created.as_second()));
    }
    assert_eq!(value["organization_id"].as_str(), event.organization_id.as_deref());
    assert_eq!(value["data"], serde_json::from_str::<Value>(event.data.get()).unwrap());
}

/// Written and read again it is the same, and nothing of the object in `data` is lost.
fn it_survives_a_round_trip(event: &Event<EventData>, body: &[u8]) -> Event<EventData> {
    let text = serde_json::to_string(event).unwrap();
    let again = Event::<EventData>::from_json(text.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
    assert_eq!(again.unread_fields(), event.unread_fields());
    if let (Ok(sent), Ok(written)) = (serde_json::from_slice::<Value>(body), text.parse()) {
        nothing_is_lost(event, sent, &written);
    }
    again
}

/// But for what stood beside the object.
fn nothing_is_lost(event: &Event<EventData>, mut sent: Value, written: &Value) {
    if !matches!(event.data, EventData::Unknown { .. })
        && let Some(data) = sent["data"].as_object_mut()
    {
        data.retain(|beside, _| written["data"].get(beside).is_some());
    }
    is_kept(&sent, written, "");
}

/// But for documented fields that say nothing, and for amounts, which no `Value` holds
/// exactly.
fn is_kept(sent: &Value, written: &Value, path: &str) {
    match (sent, written) {
        (Value::Object(sent), Value::Object(written)) => {
            for (name, value) in sent {
                let path = format!("{path}.{name}");
                match written.get(name) {
                    Some(kept) => is_kept(value, kept, &path),
                    None => assert!(says_nothing(name, value), "{path} is lost"),
                }
            }
        }
        (Value::Array(sent), Value::Array(written)) => {
            assert_eq!(sent.len(), written.len());
            let path = format!("{path}[]");
            sent.iter().zip(written).for_each(|(sent, written)| is_kept(sent, written, &path));
        }
        (Value::String(sent), Value::String(written)) => assert!(is_one_time(sent, written)),
        _ => {
            let is_kept = sent == written || is_one_float(sent, written) || NUMBERS.contains(&path);
            assert!(is_kept, "{path} is another");
        }
    }
}

/// The values here are read by `serde_json` alone, which may take a neighbour of the nearest float.
fn is_one_float(sent: &Value, written: &Value) -> bool {
    let both = sent.as_f64().zip(written.as_f64()).filter(|_| sent.is_f64() && written.is_f64());
    both.is_some_and(|(sent, written)| (sent - written).abs() <= sent.abs() * 1e-15)
}

/// Amounts, and whole numbers that may be written otherwise.
const NUMBERS: [&str; 4] = [
    ".data.purchase.total",
    ".data.purchase.tickets[].price",
    ".data.purchase.tickets[].quantity",
    ".created",
];

fn says_nothing(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => MAY_BE_NULL.contains(&name),
        Value::Array(items) => items.is_empty() && ["tags", "lineup"].contains(&name),
        Value::Object(fields) => fields.is_empty() && name == "custom_fields",
        _ => false,
    }
}

const MAY_BE_NULL: [&str; 20] = [
    "organization_id",
    "tags",
    "lineup",
    "custom_fields",
    "city",
    "country",
    "created_at",
    "currency",
    "date",
    "email",
    "first_name",
    "last_name",
    "payment_method",
    "phone",
    "published_at",
    "purchased_at",
    "source",
    "spotify_id",
    "status",
    "venue",
];

/// Or the same text.
fn is_one_time(sent: &str, written: &str) -> bool {
    let times = (sent.parse::<Timestamp>(), written.parse::<Timestamp>());
    let dates = (sent.parse::<Date>(), written.parse::<Date>());
    sent == written
        || matches!(times, (Ok(sent), Ok(written)) if sent == written)
        || matches!(dates, (Ok(sent), Ok(written)) if sent == written)
}

#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow)]
    purchase: Amounts<'a>,
}

#[derive(Deserialize)]
struct Amounts<'a> {
    #[serde(borrow)]
    total: &'a RawValue,
    tickets: Vec<Price<'a>>,
}

#[derive(Deserialize)]
struct Price<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
}

fn amounts_are_exact(data: &EventData, sent: &RawValue) {
    let Some(purchase) = purchase(data) else { return };
    let Sent { purchase: sent } = serde_json::from_str(sent.get()).unwrap();
    assert_eq!(digits(&purchase.total.to_string()), digits(sent.total.get()));
    for (ticket, sent) in purchase.tickets.iter().zip(sent.tickets) {
        assert_eq!(digits(&ticket.price.to_string()), digits(sent.price.get()));
    }
}

fn purchase(data: &EventData) -> Option<&Purchase> {
    match data {
        EventData::PurchaseCompleted(purchase)
        | EventData::PurchaseRefunded(purchase)
        | EventData::PurchaseCancelled(purchase) => Some(purchase),
        _ => None,
    }
}

/// A number by its text: the sign, what is before and after the point, no zeros at its
/// ends, and the exponent that this leaves.
fn digits(text: &str) -> (bool, String, i64) {
    let text = text.trim_matches('"').to_ascii_lowercase();
    let (number, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let all = format!("{}{part}", whole.trim_start_matches(['-', '+']));
    let trimmed = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len() - trimmed.len()).unwrap();
    let scale = i64::try_from(part.len()).unwrap();
    let digits = trimmed.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return (false, digits, 0);
    }
    (number.starts_with('-'), digits, exponent.parse::<i64>().unwrap() + dropped - scale)
}

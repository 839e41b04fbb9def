//! Events within types of other people's, and in other formats than JSON: what is written can
//! be read, with its digits.

#![allow(clippy::large_enum_variant, reason = "a user would not box them either")]

use nevent_webhooks::event::{Event, EventData, Fan, Purchase, RawData};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const EVENT: &str = include_str!("../../data/events/purchase.completed.json");

fn purchase() -> Purchase {
    let event: Event<EventData> = Event::from_json(EVENT.as_bytes()).unwrap();
    let EventData::PurchaseCompleted(purchase) = event.data else { panic!("another type") };
    *purchase
}

/// With all that is hard to write: an odd field, and more digits than a float has.
fn hard() -> Purchase {
    let odd = EVENT.replace("\"card\"", "[1.5]");
    let event: Event<EventData> = Event::from_json(odd.as_bytes()).unwrap();
    let EventData::PurchaseCompleted(mut purchase) = event.data else { panic!("another type") };
    purchase.total = "12345678901234567890.1234567".parse().unwrap();
    *purchase
}

fn through_json<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn through_message_pack<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let named = rmp_serde::from_slice(&rmp_serde::to_vec_named(value).unwrap()).unwrap();
    drop::<T>(named);
    rmp_serde::from_slice(&rmp_serde::to_vec(value).unwrap()).unwrap()
}

fn through_cbor<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    ciborium::from_reader(&bytes[..]).unwrap()
}

#[test]
fn a_purchase_keeps_its_digits_in_every_format() {
    for sent in [purchase(), hard()] {
        for read in [through_json(&sent), through_message_pack(&sent), through_cbor(&sent)] {
            assert_eq!(read, sent);
            assert_eq!(read.total.to_string(), sent.total.to_string());
        }
    }
}

#[test]
fn a_typed_event_in_every_format() {
    let event: Event<EventData> = Event::from_json(EVENT.as_bytes()).unwrap();
    let sent = serde_json::to_string(&event).unwrap();
    for read in [through_json(&event), through_message_pack(&event), through_cbor(&event)] {
        assert_eq!(serde_json::to_string(&read).unwrap(), sent);
    }
}

#[test]
fn a_raw_event_in_every_format() {
    let event: Event = Event::from_json(EVENT.as_bytes()).unwrap();
    assert_eq!(through_json(&event).data.get(), event.data.get());
    let data: Value = serde_json::from_str(event.data.get()).unwrap();
    for read in [through_message_pack(&event), through_cbor(&event)] {
        assert_eq!(serde_json::from_str::<Value>(read.data.get()).unwrap(), data);
        assert_eq!(read.id, event.id);
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "job")]
enum Tagged {
    Webhook(Event),
    Typed(Event<EventData>),
    Refund(Purchase),
    Welcome(Fan),
    Data(RawData),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "job", content = "of")]
enum Adjacent {
    Webhook(Event),
    Typed(Event<EventData>),
    Refund(Purchase),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Nothing { nothing: u8 },
    Refund(Purchase),
    Webhook(Event),
}

#[derive(Debug, Serialize, Deserialize)]
struct Flat {
    attempt: u8,
    #[serde(flatten)]
    purchase: Purchase,
}

/// Written, read and written again it is the same value.
fn round_trips<T: Serialize + DeserializeOwned>(value: &T) {
    let sent = serde_json::to_value(value).unwrap();
    for read in [through_json(value), through_message_pack(value), through_cbor(value)] {
        assert_eq!(serde_json::to_value(&read).unwrap(), sent);
    }
}

#[test]
fn types_that_contain_ours() {
    let raw = || Event::<_>::from_json(EVENT.as_bytes()).unwrap();
    let typed = || Event::<EventData>::from_json(EVENT.as_bytes()).unwrap();
    round_trips(&Tagged::Webhook(raw()));
    round_trips(&Tagged::Typed(typed()));
    round_trips(&Tagged::Refund(purchase()));
    round_trips(&Tagged::Welcome(purchase().fan));
    round_trips(&Adjacent::Webhook(raw()));
    round_trips(&Adjacent::Typed(typed()));
    round_trips(&Adjacent::Refund(purchase()));
    round_trips(&Untagged::Refund(purchase()));
    round_trips(&Untagged::Webhook(raw()));
    round_trips(&Flat { attempt: 2, purchase: purchase() });
}

/// The tag last: then all before it is held back, and comes as floats.
#[test]
fn amounts_are_the_nearest_float_where_serde_holds_them_back() {
    let mut sent = serde_json::to_value(purchase()).unwrap();
    sent["total"] = json!(85.1);
    sent["tickets"][0]["price"] = json!("85.10");
    let text = sent.to_string();
    let text = format!("{},\"job\":\"Refund\"}}", text.strip_suffix('}').unwrap());
    let Tagged::Refund(read) = serde_json::from_str(&text).unwrap() else { panic!("another") };
    assert_eq!(read.total.to_string(), "85.1");
    assert_eq!(read.tickets[0].price.to_string(), "85.10", "a string keeps its zeros");
    let Untagged::Refund(read) = serde_json::from_value(sent).unwrap() else { panic!("another") };
    assert_eq!(read.total.to_string(), "85.1");
}

/// In an event's `data` too.
#[test]
fn a_type_of_ones_own_as_data() {
    let event: Event<Untagged> = Event::from_json(
        EVENT.replace("\"purchase\": {", "").replacen("}\n  },", "},", 1).as_bytes(),
    )
    .unwrap();
    assert!(matches!(event.data, Untagged::Refund(_)), "{event:?}");
}

/// A format that does not say what it holds could not be read, so nothing is written.
#[test]
fn writing_fails_at_once_where_reading_would() {
    let event: Event<EventData> = Event::from_json(EVENT.as_bytes()).unwrap();
    postcard::to_allocvec(&event).unwrap_err();
    postcard::to_allocvec(&purchase()).unwrap_err();
    // A tag has no place in raw text.
    let raw: Event = Event::from_json(EVENT.as_bytes()).unwrap();
    serde_json::to_string(&Tagged::Data(raw.data)).unwrap_err();
}

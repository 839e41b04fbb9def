//! Random deliveries as entries of a queue: whatever the ids, the types and the bodies are, an entry is
//! read as it was written, in both encodings.

use std::collections::HashMap;

use nevent_webhooks::queue::Envelope;
use nevent_webhooks::testing::SignedDelivery;
use nevent_webhooks::{DedupeKey, Delivery, Secret};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn delivery(id: &str, body: &[u8]) -> Delivery {
    let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").expect("a secret");
    SignedDelivery::new(&secret, id, body).verified(&secret).expect("genuine")
}

fn survives(envelope: &Envelope) -> Result<(), TestCaseError> {
    let json = envelope.to_json();
    let again = Envelope::from_json(&json);
    prop_assert_eq!(again.as_ref(), Ok(envelope));
    prop_assert_eq!(again.expect("equal").to_json(), json);
    let headers: HashMap<_, _> = envelope.headers().collect();
    for value in headers.values() {
        prop_assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "{}", value);
        prop_assert!(value.len() <= 1024, "{}", value.len());
    }
    let again = Envelope::from_headers(|name| headers.get(name), envelope.body().clone());
    prop_assert_eq!(again.as_ref(), Ok(envelope));
    Ok(())
}

/// An event, or anything else.
fn item() -> impl Strategy<Value = Value> {
    let event = (any::<String>(), any::<String>(), any::<u32>());
    prop_oneof![
        event.prop_map(|(id, kind, time)| json!({"id": id, "type": kind, "created": time})),
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(|id| json!({"id": id})),
    ]
}

proptest! {
    #[test]
    fn any_bytes_survive(id in "[ -~]{1,128}", body in vec(any::<u8>(), 0..300)) {
        let envelope = Envelope::of(&delivery(&id, &body));
        prop_assert_eq!(envelope.body().as_ref(), &body[..]);
        prop_assert_eq!(envelope.delivery_id().as_str(), id);
        survives(&envelope)?;
    }

    #[test]
    fn any_event_survives(item in item(), id in "[ -~]{1,128}") {
        let envelope = Envelope::of(&delivery(&id, item.to_string().as_bytes()));
        let is_event = item.get("created").is_some();
        prop_assert_eq!(envelope.is_readable(), is_event);
        prop_assert_eq!(envelope.dedupe_key() == DedupeKey::EventId, is_event);
        if let Some(named) = envelope.event_type() {
            prop_assert_eq!(Some(named), item["type"].as_str());
        }
        survives(&envelope)?;
    }

    #[test]
    fn a_batch_is_split_into_its_items(items in vec(item(), 0..20), trace in any::<String>()) {
        let body = Value::from(items.clone()).to_string();
        let parts = Envelope::split(&delivery("d-1", body.as_bytes()));
        prop_assert_eq!(parts.len(), items.len());
        for (at, (part, item)) in parts.into_iter().zip(&items).enumerate() {
            prop_assert_eq!(part.position(), u32::try_from(at).ok());
            let written = item.to_string();
            prop_assert_eq!(part.body().as_ref(), written.as_bytes());
            let part = part.with_trace(
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                Some(&trace),
            );
            survives(&part)?;
        }
    }

    /// A byte is changed, taken away or doubled: it is read, or refused, and that is all.
    #[test]
    fn damaged_entries_never_panic(
        item in item(), at in any::<prop::sample::Index>(), byte: u8, how in 0..3,
    ) {
        let mut json = Envelope::of(&delivery("d-1", item.to_string().as_bytes())).to_json().into_bytes();
        let at = at.index(json.len());
        match how {
            0 => json[at] = byte,
            1 => drop(json.remove(at)),
            _ => json.insert(at, json[at]),
        }
        match Envelope::from_json(&json) {
            Ok(envelope) => survives(&envelope)?,
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control)),
        }
    }
}

//! Entries as messages: the fields of the envelope are headers, and the signed bytes are the body.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString};
use nevent_webhooks::queue::{Envelope, EnvelopeError};

/// The failed attempts at an entry. The broker has no count of its own that survives a retry queue:
/// RabbitMQ 4 ignores an `x-death` header that a client writes.
const ATTEMPTS: &str = "webhook-attempts";
/// How often the entry's worker has vanished, until the entry was last published again. The broker's own
/// count starts from zero then.
const VANISHED: &str = "webhook-vanished";
/// The broker's count. It is in a message that is delivered again.
const DELIVERY_COUNT: &str = "x-delivery-count";
const DELIVERY_MODE_PERSISTENT: u8 = 2;
const JSON: &str = "application/json";
/// More than these do not surely fit into a frame, and the broker would close the connection.
const MAX_HEADERS: usize = 32 * 1024;

/// The message of an entry. Headers that are too long travel in the body, in the envelope's JSON.
pub(super) fn message_of(envelope: &Envelope) -> (BasicProperties, Vec<u8>) {
    let properties = BasicProperties::default()
        .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
        .with_message_id(envelope.id().as_str().into());
    let headers: Vec<_> = envelope.headers().collect();
    let length: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > MAX_HEADERS {
        return (properties.with_content_type(JSON.into()), envelope.to_json().into_bytes());
    }
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    (properties.with_headers(table), envelope.body().to_vec())
}

/// The entry of a message.
pub(super) fn envelope_of(
    properties: &BasicProperties,
    body: &[u8],
) -> Result<Envelope, EnvelopeError> {
    if properties.content_type().as_ref().is_some_and(|kind| kind.as_str() == JSON) {
        return Envelope::from_json(body);
    }
    Envelope::from_headers(|name| text(header(properties, name)?), body.to_vec())
}

/// The failed attempts at the entry of this message.
pub(super) fn attempts_of(properties: &BasicProperties) -> u32 {
    count(properties, ATTEMPTS)
}

/// How often the worker of this entry had vanished when the message was published.
pub(super) fn vanished_before_of(properties: &BasicProperties) -> u32 {
    count(properties, VANISHED)
}

/// How often the worker of this entry has vanished, as far as the header and the broker have counted.
pub(super) fn vanished_of(properties: &BasicProperties) -> u32 {
    vanished_before_of(properties).saturating_add(count(properties, DELIVERY_COUNT))
}

fn count(properties: &BasicProperties, name: &str) -> u32 {
    let count = match header(properties, name) {
        Some(AMQPValue::LongLongInt(count)) => *count,
        Some(AMQPValue::LongInt(count)) => (*count).into(),
        Some(AMQPValue::LongUInt(count)) => (*count).into(),
        _ => 0,
    };
    u32::try_from(count).unwrap_or_default()
}

/// The broker's word for why the message has left its last queue.
pub(super) fn last_death_of(properties: &BasicProperties) -> Option<String> {
    let AMQPValue::FieldArray(deaths) = header(properties, "x-death")? else { return None };
    let AMQPValue::FieldTable(last) = deaths.as_slice().first()? else { return None };
    let reason = text(last.inner().get("reason")?)?;
    Some(String::from_utf8_lossy(&reason).into_owned())
}

/// The properties with which a message is published again for another attempt, after this many failed
/// ones. The broker's count of its deliveries goes on.
pub(super) fn published_again(properties: &BasicProperties, attempts: u32) -> BasicProperties {
    with_counts(properties, [(ATTEMPTS, attempts), (VANISHED, vanished_of(properties))])
}

/// The properties with which a dead letter is published again: all its attempts and deliveries are left.
pub(super) fn replayed(properties: &BasicProperties) -> BasicProperties {
    with_counts(properties, [(ATTEMPTS, 0), (VANISHED, 0)])
}

/// The broker's headers are left out: by an `x-death` the broker would take the way through the queues for
/// a cycle without an end, and drop the message.
fn with_counts(properties: &BasicProperties, counts: [(&str, u32); 2]) -> BasicProperties {
    let mut table = FieldTable::default();
    if let Some(headers) = properties.headers() {
        for (name, value) in headers.inner() {
            if !name.as_str().starts_with("x-") {
                table.insert(name.clone(), value.clone());
            }
        }
    }
    for (name, count) in counts {
        table.insert(name.into(), AMQPValue::LongLongInt(count.into()));
    }
    let again = properties.clone().with_delivery_mode(DELIVERY_MODE_PERSISTENT);
    again.with_headers(table)
}

fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

fn text(value: &AMQPValue) -> Option<Vec<u8>> {
    match value {
        AMQPValue::LongString(text) => Some(LongString::as_bytes(text).to_vec()),
        AMQPValue::ShortString(text) => Some(text.as_str().as_bytes().to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldArray;

    use super::*;

    fn envelope(signature_length: usize) -> Envelope {
        let signature = "a".repeat(signature_length);
        let json = format!(
            r#"{{"version":1,"id":"evt_1","dedupe_key":"event_id","delivery_id":"d-1",
            "scheme":"nevent","event_type":"fan.created","is_readable":true,"received_at_ms":1,
            "secret":"1","signature":[["x-signature","{signature}"]],"body":"{{}}"}}"#
        );
        Envelope::from_json(json).expect("an envelope")
    }

    #[test]
    fn an_envelope_survives_as_a_message_however_long_its_headers_are() {
        for length in [10, MAX_HEADERS] {
            let envelope = envelope(length);
            let (properties, body) = message_of(&envelope);
            assert_eq!(properties.delivery_mode(), &Some(DELIVERY_MODE_PERSISTENT));
            assert_eq!(properties.headers().is_some(), length == 10);
            assert_eq!(envelope_of(&properties, &body).expect("an envelope"), envelope);
        }
    }

    #[test]
    fn a_message_that_is_published_again_keeps_its_headers_but_not_the_brokers() {
        let (properties, body) = message_of(&envelope(10));
        let mut headers = properties.headers().clone().expect("headers");
        headers.insert("x-death".into(), AMQPValue::FieldArray(FieldArray::default()));
        headers.insert(DELIVERY_COUNT.into(), AMQPValue::LongLongInt(2));
        let dead = properties.with_headers(headers);
        let again = published_again(&dead, 3);
        assert_eq!((attempts_of(&again), vanished_of(&again)), (3, 2));
        let replayed = replayed(&again);
        assert_eq!((attempts_of(&replayed), vanished_of(&replayed)), (0, 0));
        assert!(header(&again, "x-death").is_none());
        assert_eq!(envelope_of(&again, &body).expect("an envelope"), envelope(10));
    }
}

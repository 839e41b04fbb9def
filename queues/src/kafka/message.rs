//! Entries as records: the fields of the envelope are headers, and the signed bytes are the value.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nevent_webhooks::queue::{Envelope, EnvelopeError};
use rdkafka::Message;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders, OwnedMessage};

use super::client::millis;

/// The failed attempts at an entry.
const ATTEMPTS: &str = "webhook-attempts";
/// How often a worker has vanished that had the entry.
const VANISHED: &str = "webhook-vanished";
/// When the next attempt is due, in Unix milliseconds.
const DUE: &str = "webhook-due-ms";
/// Why the entry is a dead letter.
const REASON: &str = "webhook-reason";
const OWN: [&str; 4] = [ATTEMPTS, VANISHED, DUE, REASON];

/// The record, in memory of its own. It has no headers if the name of one is not UTF-8: the client panics
/// where it reads such a name, which would end each worker that gets the record.
pub(super) fn detach(message: &BorrowedMessage<'_>) -> OwnedMessage {
    let message = message.detach();
    if can_be_read(message.headers()) { message } else { message.replace_headers(None) }
}

fn can_be_read(headers: Option<&impl Headers>) -> bool {
    let read = || headers.map(|headers| headers.iter().count());
    catch_unwind(AssertUnwindSafe(read)).is_ok()
}

/// The headers of an entry.
pub(super) fn headers_of(envelope: &Envelope) -> OwnedHeaders {
    envelope.headers().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: Some(value.as_bytes()) })
    })
}

/// The entry of a record.
pub(super) fn envelope_of(message: &OwnedMessage) -> Result<Envelope, EnvelopeError> {
    let body = message.payload().unwrap_or_default().to_vec();
    Envelope::from_headers(|name| header(message, name), body)
}

pub(super) fn attempts_of(message: &OwnedMessage) -> u32 {
    number(message, ATTEMPTS).unwrap_or_default()
}

pub(super) fn vanished_of(message: &OwnedMessage) -> u32 {
    number(message, VANISHED).unwrap_or_default()
}

pub(super) fn reason_of(message: &OwnedMessage) -> Option<String> {
    Some(String::from_utf8_lossy(header(message, REASON)?).into_owned())
}

/// How long the record has to wait for its attempt, at most `delay`: the clock of the worker that has
/// written it may be ahead.
pub(super) fn wait_of(message: &OwnedMessage, delay: Duration) -> Duration {
    let due =
        number(message, DUE).map_or(UNIX_EPOCH, |due| UNIX_EPOCH + Duration::from_millis(due));
    due.duration_since(SystemTime::now()).unwrap_or_default().min(delay)
}

/// The headers of a record that is published again for an attempt after this delay.
pub(super) fn again(
    message: &OwnedMessage,
    attempts: u32,
    vanished: u32,
    delay: Duration,
) -> OwnedHeaders {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    with(
        message,
        &[
            (ATTEMPTS, attempts.to_string()),
            (VANISHED, vanished.to_string()),
            (DUE, millis(now + delay).to_string()),
        ],
    )
}

/// The headers of a dead letter.
pub(super) fn dead(message: &OwnedMessage, attempts: u32, reason: &str) -> OwnedHeaders {
    with(message, &[(ATTEMPTS, attempts.to_string()), (REASON, reason.to_owned())])
}

/// The headers of a dead letter that is published again: all its attempts and deliveries are left.
pub(super) fn replayed(message: &OwnedMessage) -> OwnedHeaders {
    with(message, &[])
}

/// Its headers, with these of the engine's own.
fn with(message: &OwnedMessage, own: &[(&str, String)]) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for header in message.headers().into_iter().flat_map(Headers::iter) {
        if !OWN.contains(&header.key) {
            headers = headers.insert(header);
        }
    }
    for (key, value) in own {
        headers = headers.insert(Header { key, value: Some(value.as_bytes()) });
    }
    headers
}

fn number<T: std::str::FromStr>(message: &OwnedMessage, name: &str) -> Option<T> {
    std::str::from_utf8(header(message, name)?).ok()?.parse().ok()
}

fn header<'a>(message: &'a OwnedMessage, name: &str) -> Option<&'a [u8]> {
    message.headers()?.iter().find(|header| header.key == name)?.value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(headers: OwnedHeaders) -> OwnedMessage {
        let time = rdkafka::Timestamp::NotAvailable;
        OwnedMessage::new(Some(b"{}".to_vec()), None, "tickets".into(), time, 0, 0, Some(headers))
    }

    /// As the client answers for a record of another program.
    struct NotUtf8;

    impl Headers for NotUtf8 {
        fn count(&self) -> usize {
            1
        }

        fn try_get(&self, _: usize) -> Option<Header<'_, &[u8]>> {
            panic!("the name is not UTF-8")
        }
    }

    #[test]
    fn headers_that_the_client_cannot_read_are_left_out() {
        assert!(!can_be_read(Some(&NotUtf8)));
        assert!(can_be_read(None::<&NotUtf8>));
        let good = OwnedHeaders::new().insert(Header { key: "é", value: Some("") });
        assert!(can_be_read(Some(&good)));
    }

    #[test]
    fn an_envelope_survives_as_a_record_on_all_its_ways() {
        let json = r#"{"version":1,"id":"evt_1","dedupe_key":"event_id","delivery_id":"d-1",
            "scheme":"nevent","event_type":"fan.created","is_readable":true,"received_at_ms":1,
            "secret":"1","body":"{}"}"#;
        let envelope = Envelope::from_json(json).expect("an envelope");
        let first = message(headers_of(&envelope));
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3_600));
        let again = message(again(&first, 3, 2, hour));
        assert_eq!((attempts_of(&again), vanished_of(&again)), (3, 2));
        assert!(wait_of(&again, hour) > minute && wait_of(&again, minute) == minute);
        let dead = message(dead(&again, 4, "failed"));
        assert_eq!((attempts_of(&dead), vanished_of(&dead)), (4, 0));
        assert_eq!(reason_of(&dead).as_deref(), Some("failed"));
        let replayed = message(replayed(&dead));
        assert_eq!((attempts_of(&replayed), reason_of(&replayed)), (0, None));
        assert_eq!(envelope_of(&replayed).expect("an envelope"), envelope);
    }
}

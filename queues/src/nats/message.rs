//! Entries as messages: the fields of the envelope are headers, and the signed bytes are the body.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use bytes::Bytes;
use nevent_webhooks::queue::{Envelope, EnvelopeError};

/// The failed attempts at an entry. The server's count of deliveries also counts those after which no handler
/// ran.
pub(super) const ATTEMPTS: &str = "webhook-attempts";
/// How often the entry's worker has vanished, until the entry was last published again. The server counts
/// from one again then.
pub(super) const VANISHED: &str = "webhook-vanished";
/// When the entry is due, in Unix milliseconds. The server forgets a delay if its process is killed.
const DUE: &str = "webhook-due";
/// The longest delay.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Why it is a dead letter.
pub(super) const REASON: &str = "webhook-reason";
/// The sequence number that a dead letter had in the stream of the entries: its name if it cannot be read.
pub(super) const SEQUENCE: &str = "webhook-sequence";
const CONTENT_TYPE: &str = "content-type";
const JSON: &str = "application/json";
/// The server refuses more than 64 KiB.
const MAX_HEADERS: usize = 32 * 1024;

/// The message of an entry. Headers that are too long travel in the body, in the envelope's JSON.
///
/// It has no `Nats-Msg-Id`. A server that remembers the ids of entries would swallow an event that is sent
/// again by hand after its dead letter was deleted. `Once` recognises second copies.
pub(super) fn message_of(envelope: &Envelope) -> (HeaderMap, Bytes) {
    let mut map = HeaderMap::new();
    let headers: Vec<_> = envelope.headers().collect();
    let length: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > MAX_HEADERS {
        map.insert(CONTENT_TYPE, JSON);
        return (map, envelope.to_json().into());
    }
    for (name, value) in headers {
        map.insert(name, value);
    }
    (map, envelope.body().clone())
}

/// The length of these headers in a message.
pub(super) fn length(headers: &HeaderMap) -> usize {
    let lines = headers.iter().flat_map(|(name, values)| {
        values.iter().map(|value| name.to_string().len() + value.as_str().len() + ": \r\n".len())
    });
    "NATS/1.0\r\n\r\n".len() + lines.sum::<usize>()
}

/// The entry of a message.
pub(super) fn envelope_of(headers: &HeaderMap, body: &Bytes) -> Result<Envelope, EnvelopeError> {
    if text(headers, CONTENT_TYPE) == Some(JSON) {
        return Envelope::from_json(body);
    }
    Envelope::from_headers(|name| text(headers, name), body.clone())
}

/// A header with a number. 0 without one.
pub(super) fn count(headers: &HeaderMap, name: &str) -> u32 {
    text(headers, name).and_then(|text| text.parse().ok()).unwrap_or_default()
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(AsRef::as_ref)
}

/// The headers with which a message is published again after this time.
pub(super) fn again(
    headers: &HeaderMap,
    attempts: u32,
    vanished: u32,
    delay: Duration,
) -> HeaderMap {
    let delay = delay.min(LONGEST);
    // One more, because the clock is rounded down.
    let due = unix_millis().saturating_add(delay.as_millis()).saturating_add(1);
    with(headers, &[(ATTEMPTS, attempts.into()), (VANISHED, vanished.into()), (DUE, due)])
}

/// The headers with which a message becomes a dead letter.
pub(super) fn dead(headers: &HeaderMap, reason: &str, attempts: u32, sequence: u64) -> HeaderMap {
    let mut map = with(headers, &[(ATTEMPTS, attempts.into()), (SEQUENCE, sequence.into())]);
    map.insert(REASON, reason);
    map
}

/// The headers with which a dead letter is published again: all its attempts and deliveries are left.
pub(super) fn replayed(headers: &HeaderMap) -> HeaderMap {
    with(headers, &[])
}

/// Sets the name by which the server recognises a message that is moved a second time, because a worker was
/// killed between the move and the acknowledgement. A stream that was deleted begins with the first number
/// again, and so the name has the message's time.
pub(super) fn name(map: &mut HeaderMap, moved: &str, sequence: u64, time: i128) {
    map.insert(NATS_MESSAGE_ID, format!("{moved}-{sequence}-{time}"));
}

/// Without the headers of the server, and with these counts in the place of all others.
fn with(headers: &HeaderMap, counts: &[(&'static str, u128)]) -> HeaderMap {
    let own = [ATTEMPTS, VANISHED, DUE, REASON, SEQUENCE];
    let mut map = HeaderMap::new();
    for (name, values) in headers.iter() {
        let (name, lower) = (name.clone(), name.to_string().to_ascii_lowercase());
        if !lower.starts_with("nats-") && !own.contains(&lower.as_str()) {
            for value in values {
                map.append(name.clone(), value.clone());
            }
        }
    }
    for (name, count) in counts {
        map.insert(*name, count.to_string());
    }
    map
}

/// Whether the message was published to wait, and for how long it still has to. A time that no worker has set,
/// unless its clock was wrong, has come.
pub(super) fn waits(headers: &HeaderMap) -> Option<Duration> {
    let due: u128 = text(headers, DUE)?.parse().ok()?;
    let rest = due.saturating_sub(unix_millis());
    let rest = Duration::from_millis(u64::try_from(rest).unwrap_or(u64::MAX));
    // Twice, because the clocks differ.
    Some(if rest > LONGEST * 2 { Duration::ZERO } else { rest })
}

fn unix_millis() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis())
}

#[cfg(test)]
mod tests {
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
            let (headers, body) = message_of(&envelope);
            assert_eq!(text(&headers, CONTENT_TYPE).is_none(), length == 10);
            assert_eq!(envelope_of(&headers, &body).expect("an envelope"), envelope);
        }
    }

    #[test]
    fn no_entry_waits_for_ever() {
        let moved = again(&HeaderMap::new(), 1, 0, Duration::MAX);
        assert!(waits(&moved).is_some_and(|rest| rest > LONGEST / 2 && rest <= LONGEST * 2));
        let mut wrong = moved;
        for due in [u64::MAX.into(), u128::MAX, unix_millis() + 4 * LONGEST.as_millis()] {
            wrong.insert(DUE, due.to_string());
            assert_eq!(waits(&wrong), Some(Duration::ZERO));
        }
    }

    #[test]
    fn a_message_that_is_published_again_keeps_its_headers_but_not_the_servers() {
        let (mut headers, body) = message_of(&envelope(10));
        headers.insert("Nats-Expected-Stream", "tickets");
        name(&mut headers, "again", 7, 1);
        let moved = again(&headers, 3, 2, Duration::from_secs(60));
        assert_eq!((count(&moved, ATTEMPTS), count(&moved, VANISHED)), (3, 2));
        assert!(waits(&moved).expect("a time") > Duration::from_secs(50));
        let dead = dead(&moved, "failed", 4, 9);
        assert_eq!((text(&dead, REASON), text(&dead, SEQUENCE)), (Some("failed"), Some("9")));
        assert_eq!((count(&dead, ATTEMPTS), waits(&dead)), (4, None));
        let replayed = replayed(&dead);
        assert_eq!((count(&replayed, ATTEMPTS), text(&replayed, REASON)), (0, None));
        for map in [&moved, &dead, &replayed] {
            assert!(!map.iter().any(|(name, _)| name.to_string().starts_with("Nats-")));
            assert_eq!(envelope_of(map, &body).expect("an envelope"), envelope(10));
        }
    }
}

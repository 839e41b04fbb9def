//! Envelopes as messages: texts that SQS keeps as they are, and the ids of a FIFO queue.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

use md5::Md5;
use nevent_webhooks::DedupeKey;
use nevent_webhooks::queue::Envelope;
use sha2::{Digest, Sha256};

use super::options::Group;

/// The envelope's JSON, in characters that SQS keeps.
///
/// SQS refuses U+FFFE and U+FFFF, or silently replaces them by U+FFFD. JSON has them only in strings, where
/// they can be escaped. JSON escapes all control characters that SQS does not take.
pub(super) fn text_of(envelope: &Envelope) -> String {
    let json = envelope.to_json();
    if !json.contains(['\u{fffe}', '\u{ffff}']) {
        return json;
    }
    json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
}

/// By which a FIFO queue removes second copies, for 5 minutes. Everything that makes an entry another one
/// is in it, and the body, too: an entry that only looks the same must not be dropped.
pub(super) fn deduplication_id(envelope: &Envelope) -> String {
    let by_delivery = envelope.dedupe_key() == DedupeKey::DeliveryId;
    let position = envelope.position().filter(|_| by_delivery);
    let head = (
        envelope.endpoint(),
        envelope.tenant(),
        envelope.scheme(),
        by_delivery,
        envelope.id().as_str(),
        position,
    );
    let mut hash = Sha256::new();
    hash.update(format!("{head:?}\n"));
    hash.update(envelope.body());
    hex(&hash.finalize())
}

/// The group of an entry in a FIFO queue.
pub(super) fn group_of(envelope: &Envelope, group: Option<&Group>) -> String {
    let own = || envelope.id().as_str().to_owned();
    // A panic of the user's function would end the task of an entry, which then comes again for ever.
    let theirs = |group: &Group| catch_unwind(AssertUnwindSafe(|| group(envelope))).ok();
    let text = group.and_then(theirs).unwrap_or_else(own);
    let is_allowed = |byte: u8| byte.is_ascii_graphic();
    if !text.is_empty() && text.len() <= 128 && text.bytes().all(is_allowed) {
        return text;
    }
    hex(&Sha256::digest(text))
}

pub(super) fn md5_of(text: &str) -> String {
    hex(&Md5::digest(text))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use nevent_webhooks::Secret;
    use nevent_webhooks::testing::SignedDelivery;

    use super::*;

    fn envelope(id: &str, body: &[u8]) -> Envelope {
        let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR").expect("a secret");
        let delivery = SignedDelivery::new(&secret, id, body.to_vec());
        Envelope::of(&delivery.verified(&secret).expect("a delivery"))
    }

    /// The characters that SQS documents for a message's body.
    fn is_kept(character: char) -> bool {
        matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    }

    #[test]
    fn every_body_is_a_text_that_sqs_keeps_and_comes_back_as_it_was() {
        let all: String = ('\0'..=char::MAX).collect();
        let escaped = "{\"data\":\"\\\u{ffff}\\\\\u{fffe}\\u0000\"}";
        // An unpaired surrogate is no UTF-8.
        let bodies: [&[u8]; 5] =
            [all.as_bytes(), escaped.as_bytes(), b"\xed\xa0\x80", b"\xff\0", b""];
        for body in bodies {
            let envelope = envelope("d-1", body);
            let text = text_of(&envelope);
            assert!(text.chars().all(is_kept));
            assert_eq!(Envelope::from_json(&text).expect("an envelope"), envelope);
        }
    }

    #[test]
    fn different_entries_have_different_deduplication_ids() {
        let event = |id: &str| format!(r#"{{"id":"{id}","type":"ping","created":1,"data":{{}}}}"#);
        let id =
            |delivery: &str, body: &str| deduplication_id(&envelope(delivery, body.as_bytes()));
        assert_eq!(id("d-1", &event("evt_1")), id("d-2", &event("evt_1")));
        assert_ne!(id("d-1", &event("evt_1")), id("d-1", &event("evt_2")));
        assert_ne!(id("d-1", "odd"), id("d-2", "odd"));
        assert_ne!(id("d-1", "odd"), id("d-1", "other"));
        assert_eq!(id("d-1", "odd").len(), 64);
    }

    #[test]
    fn a_group_that_sqs_does_not_take_is_hashed() {
        let entry = envelope("d-1", b"odd");
        assert_eq!(group_of(&entry, None), "d-1");
        let hashed = |text: &str| {
            let text = text.to_owned();
            let group: Group = std::sync::Arc::new(move |_| text.clone());
            group_of(&entry, Some(&group))
        };
        assert_eq!(hashed("fan-1"), "fan-1");
        let panics: Group = std::sync::Arc::new(|_| panic!("no fan"));
        assert_eq!(group_of(&entry, Some(&panics)), "d-1");
        for odd in ["", "two words", "é", &"x".repeat(129)] {
            assert_eq!(hashed(odd).len(), 64, "{odd}");
        }
    }

    #[test]
    fn the_md5_is_that_of_rfc_1321() {
        assert_eq!(md5_of("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    }
}

//! Envelopes of hostile values, which survive both encodings to the byte.

use std::hash::{BuildHasher, RandomState};

use super::*;

fn random(below: usize) -> usize {
    let drawn = usize::try_from(RandomState::new().hash_one(below) >> 33).expect("31 bits");
    drawn % below
}

/// A text of odd characters.
fn text(most: usize) -> String {
    const ODD: [char; 16] = [
        'a',
        'Z',
        '0',
        ' ',
        '%',
        '&',
        '=',
        '"',
        '\\',
        '\n',
        '\0',
        '\u{7f}',
        '\u{e4}',
        '\u{2028}',
        '\u{1f39f}',
        '\u{feff}',
    ];
    (0..random(most)).map(|_| ODD[random(ODD.len())]).collect()
}

fn maybe<T>(value: T) -> Option<T> {
    (random(2) == 0).then_some(value)
}

fn id() -> DeliveryId {
    let any = (0..=random(128)).map(|_| char::from(b' ' + u8::try_from(random(95)).unwrap()));
    DeliveryId::new(any.collect::<String>()).unwrap()
}

fn any_envelope() -> Envelope {
    let head = Head {
        id: id(),
        dedupe_key: if random(2) == 0 { DedupeKey::EventId } else { DedupeKey::DeliveryId },
        delivery_id: id(),
        position: maybe(u32::MAX >> random(32)),
        scheme: text(20),
        event_type: maybe(text(60)),
        event_header: maybe(text(40)),
        version_header: maybe(text(20)),
        is_readable: random(2) == 0,
        received_at: [0, -1, i64::MAX, i64::MIN, 1_640_995_200_123][random(5)],
        signed_at: maybe([0, -1, i64::MAX, i64::MIN, 1_640_995_200][random(5)]),
        secret: text(20),
        tenant: maybe(text(40))
            .filter(|name| crate::delivery::scope_flaw(name).is_none())
            .map(Into::into),
        endpoint: maybe(text(40)),
        trace: None,
        signature: (0..random(3)).map(|_| (text(20), text(80))).collect(),
    };
    let body = if random(2) == 0 {
        text(200).into_bytes()
    } else {
        (0..random(200)).map(|_| u8::try_from(random(256)).unwrap()).collect()
    };
    let envelope = Envelope { head: Arc::new(head), body: body.into() };
    let state: String = text(30).chars().filter(|char| matches!(char, ' '..='~')).collect();
    if random(2) == 0 { envelope.with_trace(PARENT, maybe(&*state)) } else { envelope }
}

#[test]
fn every_envelope_survives_both_encodings() {
    for _ in 0..5_000 {
        let envelope = any_envelope();
        let json = envelope.to_json();
        let again = Envelope::from_json(&json);
        assert!(again.as_ref() == Ok(&envelope), "{json}");
        assert_eq!(again.unwrap().to_json(), json);
        for (name, value) in envelope.headers() {
            assert!(value.bytes().all(|byte| byte.is_ascii_graphic()), "{name}: {value}");
        }
        let again = by_headers(&envelope);
        assert!(again.as_ref() == Ok(&envelope), "{json}: {again:?}");
    }
}

//! Bodies that official SDKs change, refuse, or divide elsewhere.

use nevent_webhooks::VerifyError;
use nevent_webhooks::scheme::{Hash, Scheme, SchemeError};

use super::known_sender::KnownSender;
use super::{BODY, NOW, all, headers, is_malformed, key, meta, slack, standard_webhooks, stripe};

/// npm's stripe 23.1.0 ignores it.
#[test]
fn a_byte_order_mark_before_the_signed_bytes_is_refused() {
    let with_mark = ["\u{feff}".as_bytes(), BODY].concat();
    for sender in all() {
        let signed = sender.sign("msg_1", NOW, BODY);
        let result = sender.verify(&signed, &[&with_mark], NOW);
        assert_eq!(result.err(), Some(VerifyError::InvalidSignature));
        let signed = sender.sign("msg_1", NOW, &with_mark);
        assert!(sender.verify(&signed, &[&with_mark], NOW).is_ok(), "a signed one");
    }
}

/// octokit's methods 6.0.0 throw.
#[test]
fn an_empty_body_is_accepted_if_it_is_rightly_signed() {
    for sender in all() {
        let signed = sender.sign("msg_1", NOW, b"");
        for pieces in [0, 1, 2].map(|count| vec![&b""[..]; count]) {
            assert!(sender.verify(&signed, &pieces, NOW).is_ok());
        }
        let result = sender.verify(&signed, &[b" "], NOW);
        assert_eq!(result.err(), Some(VerifyError::InvalidSignature));
    }
}

/// octokit's methods 6.0.0 take text only.
#[test]
fn a_binary_body_is_verified_byte_for_byte() {
    let all_bytes: Vec<u8> = (0..=u8::MAX).collect();
    let decoded = String::from_utf8_lossy(&all_bytes).into_owned();
    for sender in all() {
        let signed = sender.sign("msg_1", NOW, &all_bytes);
        assert!(sender.verify(&signed, &[&all_bytes], NOW).is_ok());
        let result = sender.verify(&signed, &[decoded.as_bytes()], NOW);
        assert_eq!(result.err(), Some(VerifyError::InvalidSignature));
    }
}

/// Meta escapes slashes and everything that is not ASCII. Its users often verify what their JSON library
/// writes.
#[test]
fn json_is_verified_as_it_was_sent() {
    let sent = br#"{"name":"J\u00e4ger","url":"https:\/\/example.com"}"#;
    let parsed: serde_json::Value = serde_json::from_slice(sent).expect("JSON");
    let written = parsed.to_string();
    assert_eq!(written, "{\"name\":\"J\u{e4}ger\",\"url\":\"https://example.com\"}");

    let signed = meta().sign("", NOW, sent);
    assert!(meta().verify(&signed, &[sent], NOW).is_ok());
    let result = meta().verify(&signed, &[written.as_bytes()], NOW);
    assert_eq!(result.err(), Some(VerifyError::InvalidSignature));
}

/// webhook-verify 0.1.0 accepts another division of the same bytes into id, time and body.
#[test]
fn signed_bytes_have_one_division_into_id_time_and_body() {
    let bytes = "msg_1.1640995200.1640995300.1640995200.x.y";
    let sender = standard_webhooks();
    let (_, signature) = sender.sign("msg_1", NOW, b"1640995300.1640995200.x.y").swap_remove(0);
    let signature = String::from_utf8(signature).expect("ASCII");
    let dots: Vec<_> = bytes.match_indices('.').map(|(at, _)| at).collect();
    let mut accepted = Vec::new();
    for (n, first) in dots.iter().enumerate() {
        for second in &dots[n + 1..] {
            let (id, time) = (&bytes[..*first], &bytes[first + 1..*second]);
            let body = &bytes.as_bytes()[second + 1..];
            let request = headers([
                ("webhook-id", id),
                ("webhook-timestamp", time),
                ("webhook-signature", &signature),
            ]);
            if sender.verify(&request, &[body], NOW).is_ok() {
                accepted.push((id, time));
            }
        }
    }
    assert_eq!((dots.len(), accepted), (5, vec![("msg_1", "1640995200")]));
}

#[test]
fn bytes_cannot_be_moved_between_time_and_body() {
    let signature = |sender: &KnownSender, body: &[u8]| {
        let (_, signature) = sender.sign("", NOW, body).swap_remove(0);
        String::from_utf8(signature).expect("ASCII")
    };
    let moved = signature(&stripe(), b"7.x").replace("t=1640995200,", "t=1640995200.7,");
    let request = headers([("stripe-signature", &moved)]);
    assert!(is_malformed(&stripe().verify(&request, &[b"x"], NOW)));

    let header = signature(&slack(), b"7:x");
    let lines = [("x-slack-signature", &*header), ("x-slack-request-timestamp", "1640995200:7")];
    assert!(is_malformed(&slack().verify(&headers(lines), &[b"x"], NOW)));
}

/// Otherwise a shorter time and a longer body would have the same signature.
#[test]
fn a_scheme_whose_time_and_body_run_together_cannot_be_built() {
    let scheme = || Scheme::hmac(Hash::Sha256, "x-signature");
    for separator in ["", "0", "9."] {
        let timed = scheme().signed_time("x-timestamp", separator).build();
        assert_eq!(timed.err(), Some(SchemeError::Separator(separator)));
        let with_id = scheme().signed_id_and_time("x-id", "x-timestamp", separator).build();
        assert_eq!(with_id.err(), Some(SchemeError::Separator(separator)));
    }
    let built = scheme().signed_time("x-timestamp", "\n").build().expect("a scheme");
    let sender = KnownSender::timed(built, key());
    assert!(sender.verify(&sender.sign("", NOW, BODY), &[BODY], NOW).is_ok());
}

//! Times that official SDKs accept, or fail at.

use std::time::Duration;

use nevent_webhooks::scheme::{Hash, Scheme};
use nevent_webhooks::{Tolerance, VerifyError};

use super::known_sender::{KnownSender, value_of, verify_request};
use super::{
    BODY, NOW, TEXT, YEAR, headers, hex_of, is_malformed, key, slack, standard_webhooks, stripe,
};

/// npm's stripe 23.1.0, Python's stripe 16.1.0 and Slack's bolt 5.1.0 accept it.
#[test]
fn a_timestamp_a_year_ahead_is_refused() {
    for sender in [stripe(), slack(), standard_webhooks()] {
        let at = |ahead| sender.verify(&sender.sign("msg_1", NOW + ahead, BODY), &[BODY], NOW);
        assert!(at(300).is_ok());
        for seconds in [301, YEAR] {
            let result = at(seconds);
            let is_refused = matches!(
                result,
                Err(VerifyError::TimestampTooNew { ahead, .. }) if ahead == seconds
            );
            assert!(is_refused, "{seconds}: {result:?}");
        }
    }
}

/// Python's stripe 16.1.0 checks no age unless asked.
#[test]
fn the_age_is_checked_unasked() {
    let captured = stripe().sign("", NOW, BODY);
    let result = stripe().verify(&captured, &[BODY], NOW + YEAR);
    assert!(matches!(result, Err(VerifyError::TimestampTooOld { age: YEAR, .. })), "{result:?}");
}

/// npm's stripe 23.1.0 takes a tolerance of zero for none at all.
#[test]
fn a_tolerance_of_zero_accepts_no_age() {
    let zero = Tolerance::new(Duration::ZERO, Duration::ZERO).expect("sane");
    let verifier = Scheme::stripe().verifier(key()).tolerance(zero);
    let captured = stripe().sign("", NOW, BODY);
    let is_ok = |age| verify_request(&verifier, &captured, &[BODY], NOW + age).is_ok();
    assert_eq!([-YEAR, -1, 0, 1, YEAR].map(is_ok), [false, false, true, false, false]);
}

/// npm's stripe 23.1.0 accepts it.
#[test]
fn a_doubled_time_is_refused() {
    let digest = hex_of(TEXT.as_bytes(), &[b"1640995200.", BODY]);
    for header in [
        format!("t=1640995200,t=1640995200,v1={digest}"),
        format!("t=1,t=1640995200,v1={digest}"),
        format!("t=1640995200,v1={digest},t=1"),
    ] {
        let request = headers([("stripe-signature", &header)]);
        assert!(is_malformed(&stripe().verify(&request, &[BODY], NOW)), "{header}");
    }
}

/// npm's stripe 23.1.0 reads the digits before the junk, Slack's bolt 5.1.0 accepts any text, and
/// `slack_sdk` 3.48.0 raises an error of its parser. All these times are rightly signed.
#[test]
fn a_signed_time_that_is_no_plain_number_is_refused() {
    for time in [
        "1640995200junk",
        "1640995200.0",
        "1640995200 ",
        "+1640995200",
        "-1640995200",
        "01640995200",
        "1e9",
        "0x61cf9980",
        "NaN",
        "tomorrow",
        "",
        "99999999999999999999",
    ] {
        for signed in [time, "1640995200"] {
            let digest = hex_of(TEXT.as_bytes(), &[signed.as_bytes(), b".", BODY]);
            let header = format!("t={time},v1={digest}");
            let request = headers([("stripe-signature", &header)]);
            assert!(is_malformed(&stripe().verify(&request, &[BODY], NOW)), "{header}");
        }
        let digest = hex_of(TEXT.as_bytes(), &[b"v0:", time.as_bytes(), b":", BODY]);
        let signature = format!("v0={digest}");
        let lines = [("x-slack-signature", &*signature), ("x-slack-request-timestamp", time)];
        assert!(is_malformed(&slack().verify(&headers(lines), &[BODY], NOW)), "{time:?}");
    }
}

/// webhook-verify 0.1.0 takes it for freshness in custom schemes: a capture that was a year old passed.
#[test]
fn a_time_that_is_not_signed_does_not_count() {
    let scheme = Scheme::hmac(Hash::Sha256, "x-signature").build().expect("a scheme");
    let sender = KnownSender::untimed(scheme, key());
    let digest = hex_of(TEXT.as_bytes(), &[BODY]);
    for time in [NOW - YEAR, NOW] {
        let time = time.to_string();
        let request = headers([("x-signature", &*digest), ("x-timestamp", &*time)]);
        let verified = sender.verify(&request, &[BODY], NOW).expect("genuine, of unknown age");
        assert_eq!((verified.timestamp(), verified.age()), (None, None));
        assert_eq!(verified.replay_window(), None);
    }
}

#[test]
fn a_capture_with_a_forged_time_is_refused() {
    let scheme = Scheme::hmac(Hash::Sha256, "x-signature").signed_time("x-timestamp", ".");
    let sender = KnownSender::timed(scheme.build().expect("a scheme"), key());
    let captured = sender.sign("", NOW - YEAR, BODY);
    let result = sender.verify(&captured, &[BODY], NOW);
    assert!(matches!(result, Err(VerifyError::TimestampTooOld { age: YEAR, .. })), "{result:?}");

    let mut forged = captured;
    *value_of(&mut forged, "x-timestamp") = NOW.to_string().into();
    let result = sender.verify(&forged, &[BODY], NOW);
    assert_eq!(result.err(), Some(VerifyError::InvalidSignature));

    forged.retain(|(name, _)| name != "x-timestamp");
    let result = sender.verify(&forged, &[BODY], NOW);
    assert!(matches!(result, Err(VerifyError::MissingSignedHeader { header: "x-timestamp", .. })));
}

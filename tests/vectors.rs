//! Signatures made by others, accepted here.

use std::time::Duration;

use nevent_webhooks::{Clock, ManualClock, Secret, Signer, Tolerance, Verifier, VerifyError};

#[path = "support/secrets.rs"]
mod secrets;

use secrets::{PREVIOUS_SECRET, SECRET, secret};

fn verifier(secret: &str) -> Verifier {
    Verifier::new(Secret::dangerously_allow_weak(secret).expect("not empty"))
}

/// Computed with Python's `hmac` and checked against OpenSSL.
#[test]
fn nevent_vector() {
    let body = br#"{"id":"evt_01234567890","type":"purchase.completed","created":1640995200,"data":{},"organization_id":"org_abcdefghijk"}"#;
    let digest = "16d4b9f5bcd3b88dcc8212688fb8c0691a494cb11579e972cf08579d62e0b61f";
    let header = format!("t=1640995200,v1={digest}");
    assert!(verifier(SECRET).verify(&header, body, 1_640_995_200).is_ok());

    let signer = Signer::new(&secret(SECRET));
    assert_eq!(signer.header(1_640_995_200, body), header);
}

/// Stripe signs the same construction: the numbers published in async-stripe's
/// tests, a `v0` beside the `v1` included.
#[test]
fn stripe_vector() {
    let body = include_bytes!("data/stripe-invoiceitem-created.json");
    let header = "t=1533204620,\
        v1=82216eca827bcb7b34b8055eb2d2d9e6bc13b9ac39ded14a61e69f70c565f53a,\
        v0=63f3a72374a733066c4be69ed7f8e5ac85c22c9f0a6a612ab9a025a9e4ee7eef";
    assert!(verifier("webhook_secret").verify(header, body, 1_533_204_620).is_ok());
}

/// The key is the secret's text. Svix and Standard Webhooks decode what follows
/// the prefix; a signature made with those 24 bytes is a forgery here.
#[test]
fn secret_is_not_base64_decoded() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body = b"{}";
    let decoded = Secret::dangerously_allow_weak([
        0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08,
        0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0,
    ]);
    let header = Signer::new(&decoded.expect("a key")).header(0, body);
    let result = verifier(secret).verify(header, body, 0);
    assert_eq!(result.expect_err("another key"), VerifyError::InvalidSignature);
}

/// Monotonic is what it says, whatever it is told.
#[test]
fn a_driven_clock_never_goes_back() {
    let clock = ManualClock::at(0);
    for _ in 0..3 {
        let before = (clock.monotonic(), clock.unix_seconds());
        clock.advance(Duration::from_secs(u64::MAX / 1_500_000_000));
        assert!((clock.monotonic(), clock.unix_seconds()) >= before);
    }
    clock.advance(Duration::MAX);
    assert_eq!(clock.monotonic(), Duration::from_nanos(u64::MAX));
}

/// A clock that shows nonsense makes no panic, whatever it shows.
#[test]
fn any_clock_is_checked_without_overflow() {
    let secret = secret(SECRET);
    let verifier = Verifier::new(secret.clone());
    for t in [0, i64::MAX] {
        let header = Signer::new(&secret).header(t, b"{}");
        for now in [i64::MIN, -1, 0, i64::MAX] {
            let accepted = verifier.verify(&header, b"{}", now).is_ok();
            assert_eq!(accepted, t.abs_diff(now) <= 300, "t={t} now={now}");
        }
    }
}

/// Names, and neither keys nor digests.
#[test]
fn debug_output_shows_no_secret() {
    let secret = secret(SECRET).named("new");
    assert_eq!((secret.name(), &*format!("{secret:?}")), ("new", r#"Secret("new")"#));
    let header = Signer::new(&secret).header(7, b"{}");
    let receiver = Verifier::new(secret);
    let begun = receiver.begin([header.as_bytes()]).expect("well formed");
    assert_eq!(format!("{begun:?}"), "Verification { .. }");
    let verified = receiver.verify(header, b"{}", 7).expect("genuine");
    let keys = verified.replay_keys();
    assert_eq!((verified.secret_name(), &*format!("{keys:?}")), ("new", "[ReplayKey(…)]"));
}

/// Genuine and fresh signatures count, for the secret that signed them.
#[test]
fn matches_are_counted() {
    let [current, previous] = [SECRET, PREVIOUS_SECRET].map(secret);
    let verifier = Verifier::with_secrets([current.clone(), previous.clone()]).expect("two");
    for (secret, now) in [(&current, 7), (&previous, 7), (&previous, 307), (&previous, 308)] {
        let _ = verifier.verify(Signer::new(secret).header(7, b"{}"), b"{}", now);
    }
    assert!(verifier.verify(Signer::new(&previous).header(7, b"{}"), b"[]", 7).is_err());
    assert_eq!((current.matches(), previous.matches()), (1, 2));
}

/// Ages are whole seconds: of a tolerance with a fraction, the fraction never counts.
#[test]
fn a_tolerance_is_not_rounded_up() {
    let almost = Duration::from_millis(299_500);
    let day = Duration::from_secs(86_400);
    for (tolerance, most) in [
        (Tolerance::new(almost, almost).expect("sane"), 299),
        (Tolerance::dangerously_allow_long(day, day), 86_400),
    ] {
        let secret = secret(SECRET);
        let header = Signer::new(&secret).header(100_000, b"{}");
        let verifier = Verifier::new(secret).tolerance(tolerance);
        let fresh = |age: i64| verifier.verify(&header, b"{}", 100_000 + age).is_ok();
        assert_eq!([most, -most].map(fresh), [true; 2], "{most} s");
        assert_eq!([most + 1, -most - 1].map(fresh), [false; 2], "beyond {most} s");
    }
}

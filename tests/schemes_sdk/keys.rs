//! Keys and digests that official SDKs take, or fail at.

use nevent_webhooks::{Secret, SecretError, VerifyError};

use super::known_sender::value_of;
use super::{BASE64, BODY, NOW, headers, hex_of, is_malformed, meta, standard_webhooks};

/// Rust's standardwebhooks 1.0.1 takes an empty key, with which anyone can sign.
#[test]
fn an_empty_or_short_key_is_refused_at_construction() {
    for nothing in ["", " ", "\n"] {
        assert_eq!(Secret::new(nothing).err(), Some(SecretError::Empty));
        assert_eq!(Secret::from_base64(nothing).err(), Some(SecretError::Empty));
    }
    assert_eq!(Secret::dangerously_allow_weak("").err(), Some(SecretError::Empty));
    assert!(Secret::from_base64("whsec_").is_err(), "base64 of no bytes");
    // 23 bytes, and 24.
    let short = Secret::from_base64("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7o=");
    assert_eq!(short.err(), Some(SecretError::KeyTooShort { length: 23 }));
    assert!(Secret::from_base64(BASE64).is_ok());
}

/// Other text than base64 would otherwise be read in part: the digits before the first wrong one, say.
#[test]
fn a_key_that_is_no_base64_is_refused_at_construction() {
    for text in [
        "whsec_C2FVsBQIhrscChlQIMV-b5sSYspob7oD",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDA",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAB==",
        "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD====",
        "WHSEC_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
    ] {
        assert_eq!(Secret::from_base64(text).err(), Some(SecretError::NotBase64), "{text}");
    }
}

/// webhook-verify 0.1.0 then verifies with the empty key.
#[test]
fn an_unset_variable_is_no_secret() {
    let variable = "WEBHOOK_SECRET_THAT_NOBODY_SETS";
    let not_set = SecretError::NotSet(variable.to_owned());
    assert_eq!(Secret::from_env(variable).err(), Some(not_set.clone()));
    assert_eq!(Secret::base64_from_env(variable).err(), Some(not_set));
}

#[test]
fn a_forgery_with_the_empty_key_is_refused() {
    let forged = format!("sha256={}", hex_of(b"", &[BODY]));
    let request = headers([("x-hub-signature-256", &forged)]);
    assert_eq!(meta().verify(&request, &[BODY], NOW).err(), Some(VerifyError::InvalidSignature));
}

/// Python's standardwebhooks 1.1.0 raises errors of its decoders.
#[test]
fn a_malformed_time_or_digest_is_an_error_of_verification() {
    let sender = standard_webhooks();
    let genuine = sender.sign("msg_1", NOW, BODY);
    let [nines, long] = [("9", 400), ("A", 2000)].map(|(text, times)| text.repeat(times));
    for (name, value) in [
        ("webhook-timestamp", "tomorrow"),
        ("webhook-timestamp", "1e999"),
        ("webhook-timestamp", ""),
        ("webhook-timestamp", &nines),
        ("webhook-signature", ""),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1,A"),
        ("webhook-signature", "v1,no base64"),
        ("webhook-signature", "v1,AAAA,AAAA"),
        ("webhook-signature", &long),
    ] {
        let mut headers = genuine.clone();
        *value_of(&mut headers, name) = value.into();
        assert!(is_malformed(&sender.verify(&headers, &[BODY], NOW)), "{name}: {value}");
    }
}

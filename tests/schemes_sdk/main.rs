//! Faults of the official SDKs of other senders, each with a test that this library does not have it. The
//! comments name the versions that were run.

use hmac::{Hmac, KeyInit, Mac};
use nevent_webhooks::scheme::Scheme;
use nevent_webhooks::{Secret, VerifyError};
use sha2::Sha256;

mod bytes;
mod keys;
#[path = "../support/known_sender.rs"]
mod known_sender;
mod times;

use known_sender::{Headers, KnownSender};

const TEXT: &str = "whsec_test_secret_0123456789abcdef";
const BASE64: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NOW: i64 = 1_640_995_200;
const YEAR: i64 = 365 * 86_400;
const BODY: &[u8] = br#"{"id":"evt_1"}"#;

fn key() -> Secret {
    Secret::new(TEXT).expect("a secret")
}

fn stripe() -> KnownSender {
    KnownSender::timed(Scheme::stripe(), key())
}

fn slack() -> KnownSender {
    KnownSender::timed(Scheme::slack(), key())
}

fn meta() -> KnownSender {
    KnownSender::untimed(Scheme::meta(), key())
}

fn standard_webhooks() -> KnownSender {
    let secret = Secret::from_base64(BASE64).expect("base64");
    KnownSender::timed(Scheme::standard_webhooks(), secret)
}

fn all() -> Vec<KnownSender> {
    let github = KnownSender::untimed(Scheme::github(), key());
    let shopify = KnownSender::untimed(Scheme::shopify(), key());
    vec![stripe(), slack(), github, meta(), shopify, standard_webhooks()]
}

/// The digest of any bytes, also of those that no signer of this library signs.
fn hex_of(key: &[u8], parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    for part in parts {
        mac.update(part);
    }
    hex::encode(mac.finalize().into_bytes())
}

fn headers<const N: usize>(lines: [(&str, &str); N]) -> Headers {
    lines.map(|(name, value)| (name.to_owned(), value.into())).to_vec()
}

fn is_malformed<T>(result: &Result<T, VerifyError>) -> bool {
    matches!(result, Err(VerifyError::MalformedSignature { .. }))
}

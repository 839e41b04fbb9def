//! Vectors of other senders: published by them, or computed with their own packages. The file names the
//! source of each.

use nevent_webhooks::scheme::{Hash, Scheme};
use nevent_webhooks::{Secret, Verified, VerifyError};
use serde_json::Value;

#[path = "support/known_sender.rs"]
mod known_sender;

use known_sender::{Headers, KnownSender, flips, value_of};

/// Those that are no signatures.
const OTHERS: [&str; 2] = ["meta-handshake", "generic-token"];

struct Vector {
    source: String,
    sender: KnownSender,
    headers: Headers,
    body: Vec<u8>,
    now: i64,
    expected: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        let json = include_str!("data/scheme-vectors.json");
        let vectors: Vec<Value> = serde_json::from_str(json).expect("JSON");
        let signatures: Vec<_> = vectors
            .iter()
            .filter(|vector| !OTHERS.contains(&text(&vector["provider"])))
            .map(Self::read)
            .collect();
        assert_eq!((signatures.len(), vectors.len()), (11, 13), "none is overlooked");
        signatures
    }

    fn read(vector: &Value) -> Self {
        let headers = vector["headers"].as_object().expect("an object");
        let header = |(name, value): (&String, &Value)| (name.clone(), text(value).into());
        Self {
            source: format!("{}: {}", text(&vector["provider"]), text(&vector["source"])),
            sender: sender(text(&vector["provider"]), text(&vector["secret"])),
            headers: headers.iter().map(header).collect(),
            body: text(&vector["body"]).into(),
            now: vector["now"].as_i64().unwrap_or_default(),
            expected: text(&vector["expected"]).to_owned(),
        }
    }

    fn positive() -> impl Iterator<Item = Self> {
        Self::all().into_iter().filter(|vector| vector.expected.starts_with("ok"))
    }

    fn verify(&self, headers: &Headers, pieces: &[&[u8]]) -> Result<Verified, VerifyError> {
        self.sender.verify(headers, pieces, self.now)
    }

    fn assert_ok(&self, pieces: &[&[u8]]) -> Verified {
        let result = self.verify(&self.headers, pieces);
        result.unwrap_or_else(|error| panic!("{}: {error}", self.source))
    }

    /// The vector with another value in one header.
    fn with(&self, name: &str, value: Vec<u8>) -> Headers {
        let mut headers = self.headers.clone();
        *value_of(&mut headers, name) = value;
        headers
    }

    fn signature(&self) -> String {
        let value = value_of(&mut self.headers.clone(), self.sender.signature_header).clone();
        String::from_utf8(value).expect("ASCII")
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn sender(provider: &str, secret: &str) -> KnownSender {
    let key = || Secret::new(secret).expect("a secret");
    let base64 = || Secret::from_base64(secret).expect("base64");
    let custom = |hash| Scheme::hmac(hash, "x-signature");
    match provider {
        "nevent" => KnownSender::timed(Scheme::nevent(), key()),
        "stripe" => KnownSender::timed(Scheme::stripe(), key()),
        "slack" => KnownSender::timed(Scheme::slack(), key()),
        // GitHub's example of a secret has blanks in it.
        "github" => {
            let secret = Secret::dangerously_allow_weak(secret).expect("a key");
            KnownSender::untimed(Scheme::github(), secret)
        }
        "shopify" => KnownSender::untimed(Scheme::shopify(), key()),
        "standard-webhooks" => KnownSender::timed(Scheme::standard_webhooks(), base64()),
        "clickup" | "generic-sha256-body" => {
            KnownSender::untimed(custom(Hash::Sha256).build().expect("a scheme"), key())
        }
        "generic-sha512-ts-body" => {
            let scheme = custom(Hash::Sha512).signed_time("x-timestamp", ".").build();
            KnownSender::timed(scheme.expect("a scheme"), key())
        }
        other => panic!("{other} has no scheme here"),
    }
}

/// The name of the header with this part of what is signed, if it has a header of its own.
fn signed_headers(vector: &Vector) -> impl Iterator<Item = &(String, Vec<u8>)> {
    const SIGNED: [&str; 4] =
        ["webhook-id", "webhook-timestamp", "x-slack-request-timestamp", "x-timestamp"];
    vector.headers.iter().filter(|(name, _)| SIGNED.contains(&name.as_str()))
}

#[test]
fn genuine_ones_are_accepted_however_the_body_is_cut() {
    for vector in Vector::positive() {
        let verified = vector.assert_ok(&[&vector.body]);
        if let Some((_, age)) = vector.expected.split_once("age ") {
            assert_eq!(verified.age(), age.parse().ok(), "{}", vector.source);
        }
        for cut in 0..=vector.body.len() {
            let (start, end) = vector.body.split_at(cut);
            vector.assert_ok(&[start, end]);
        }
        vector.assert_ok(&vector.body.chunks(1).collect::<Vec<_>>());
    }
}

#[test]
fn no_bit_of_the_body_can_be_changed() {
    for vector in Vector::positive() {
        for body in flips(&vector.body) {
            let result = vector.verify(&vector.headers, &[&body]);
            assert_eq!(result.err(), Some(VerifyError::InvalidSignature), "{}", vector.source);
        }
    }
}

#[test]
fn no_bit_of_a_signed_time_or_id_can_be_changed() {
    let mut flipped = 0;
    for vector in Vector::positive() {
        for (name, value) in signed_headers(&vector) {
            for changed in flips(value) {
                let result = vector.verify(&vector.with(name, changed), &[&vector.body]);
                assert!(result.is_err(), "{} {name}", vector.source);
                flipped += 1;
            }
        }
    }
    assert_eq!(flipped, 8 * (10 + 10 + 10 + "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".len()));
}

/// A time inside the header is flipped as well. The case of a hex digit does not change its value.
#[test]
fn no_bit_of_a_signature_header_with_one_digest_can_be_changed() {
    let one_digest = |vector: &Vector| vector.signature().matches("v1=").count() < 2;
    for vector in Vector::positive().filter(one_digest) {
        let signature = vector.signature();
        // Base64 ends with an equals sign, and leaves no digits here.
        let (prefix, digits) = signature.split_at(signature.rfind('=').map_or(0, |at| at + 1));
        for value in flips(signature.as_bytes()) {
            let (start, end) = value.split_at(prefix.len());
            let is_same = start == prefix.as_bytes() && end.eq_ignore_ascii_case(digits.as_bytes());
            let headers = vector.with(vector.sender.signature_header, value.clone());
            let result = vector.verify(&headers, &[&vector.body]);
            assert_eq!(result.is_ok(), is_same, "{}: {value:?}", vector.source);
        }
    }
}

/// Two secrets sign during a roll. Each of the header's digests fits one of them.
#[test]
fn no_bit_of_the_time_beside_two_digests_can_be_changed() {
    let two_digests = |vector: &Vector| vector.signature().matches("v1=").count() == 2;
    let vector = Vector::positive().find(two_digests).expect("Stripe's roll");
    let signature = vector.signature();
    let (time, digests) = signature.split_once(',').expect("items");
    for changed in flips(time.as_bytes()) {
        let value = [&*changed, b",", digests.as_bytes()].concat();
        let headers = vector.with("stripe-signature", value);
        assert!(vector.verify(&headers, &[&vector.body]).is_err(), "{changed:?}");
    }
}

#[test]
fn forged_ones_are_refused() {
    let forged = Vector::all().into_iter().filter(|vector| vector.expected.starts_with("refused"));
    let refused = forged.map(|vector| {
        let result = vector.verify(&vector.headers, &[&vector.body]);
        assert_eq!(vector.expected, "refused: invalid signature");
        assert_eq!(result.err(), Some(VerifyError::InvalidSignature), "{}", vector.source);
    });
    assert_eq!(refused.count(), 1);
}

/// Of a header with two digests, the signer makes the one of its own secret.
#[test]
fn the_signer_writes_the_same_signature() {
    for vector in Vector::positive() {
        let verified = vector.assert_ok(&[&vector.body]);
        let id = verified.signed_id().unwrap_or("any");
        let time = verified.timestamp().unwrap_or_default();
        let mut ours = vector.sender.sign(id, time, &vector.body);
        let ours = value_of(&mut ours, vector.sender.signature_header).clone();
        let (ours, theirs) = (String::from_utf8(ours).expect("ASCII"), vector.signature());
        if theirs.contains(",v0=") {
            let items: Vec<_> = theirs.split(',').collect();
            assert!(ours.split(',').all(|item| items.contains(&item)), "{}", vector.source);
        } else {
            assert_eq!(ours, theirs, "{}", vector.source);
        }
    }
}

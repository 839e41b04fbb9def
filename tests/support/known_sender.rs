//! A sender with its scheme and one secret, and requests as lists of headers. Tests of several
//! schemes include this file, because schemes differ in their types.
#![allow(dead_code, reason = "each test uses a part")]

use nevent_webhooks::scheme::{Scheme, Timed, Untimed};
use nevent_webhooks::{Secret, Verified, Verifier, VerifyError};

/// The headers of a request, with their names in any case.
pub type Headers = Vec<(String, Vec<u8>)>;

type Sign = dyn Fn(&str, i64, &[u8]) -> Vec<(&'static str, String)>;
type Verify = dyn Fn(&Headers, &[&[u8]], i64) -> Result<Verified, VerifyError>;

/// A sender whose types are put aside.
pub struct KnownSender {
    /// The name of its signature header.
    pub signature_header: &'static str,
    sign: Box<Sign>,
    verify: Box<Verify>,
}

impl KnownSender {
    /// A sender that signs a time.
    pub fn timed<K: Copy + 'static>(scheme: Scheme<Timed, K>, secret: Secret<K>) -> Self {
        let signer = scheme.signer(&secret);
        Self::new(scheme, secret, move |id, time, body| signer.headers(id, time, body))
    }

    /// A sender that signs no time.
    pub fn untimed<K: Copy + 'static>(scheme: Scheme<Untimed, K>, secret: Secret<K>) -> Self {
        let signer = scheme.signer(&secret);
        Self::new(scheme, secret, move |id, _, body| signer.headers(id, body))
    }

    fn new<T: 'static, K: 'static>(
        scheme: Scheme<T, K>,
        secret: Secret<K>,
        sign: impl Fn(&str, i64, &[u8]) -> Vec<(&'static str, String)> + 'static,
    ) -> Self {
        let signature_header = scheme.signature_header();
        let verifier = scheme.verifier(secret);
        let verify = move |headers: &Headers, pieces: &[&[u8]], now| {
            verify_request(&verifier, headers, pieces, now)
        };
        Self { signature_header, sign: Box::new(sign), verify: Box::new(verify) }
    }

    /// The headers of a delivery, signed by our signer.
    pub fn sign(&self, id: &str, time: i64, body: &[u8]) -> Headers {
        let own = |(name, value): (&str, String)| (name.to_owned(), value.into_bytes());
        (self.sign)(id, time, body).into_iter().map(own).collect()
    }

    /// Verifies a body that arrives in these pieces.
    pub fn verify(
        &self,
        headers: &Headers,
        pieces: &[&[u8]],
        now: i64,
    ) -> Result<Verified, VerifyError> {
        (self.verify)(headers, pieces, now)
    }
}

/// Verifies a request as the layers do.
pub fn verify_request<T, K>(
    verifier: &Verifier<T, K>,
    headers: &Headers,
    pieces: &[&[u8]],
    now: i64,
) -> Result<Verified, VerifyError> {
    let mut verification = verifier.begin_request(|wanted| {
        headers
            .iter()
            .filter(move |(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.as_slice())
    })?;
    for piece in pieces {
        verification.update(piece);
    }
    verification.finish(now)
}

/// The value of the header with this name.
pub fn value_of<'a>(headers: &'a mut Headers, name: &str) -> &'a mut Vec<u8> {
    let found = headers.iter_mut().find(|(header, _)| header.eq_ignore_ascii_case(name));
    &mut found.unwrap_or_else(|| panic!("there is no header {name}")).1
}

/// The bytes with one bit flipped, for each bit.
pub fn flips(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| flipped(bytes, bit))
}

/// The bytes with this bit flipped.
pub fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    changed
}

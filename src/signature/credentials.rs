//! Tokens and passwords, compared in constant time.
//!
//! Both sides of a comparison are digests of 32 bytes, under a random key that only this process has.
//! Otherwise the time could tell an attacker the length of a token, or where a guess is wrong.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use sha2::Sha256;

use super::mac::{Digest, MacKey};
use super::secrets::{MAX_SECRETS, PerSecret, first_match};

/// The most credentials that are accepted at once.
pub(crate) const MAX_CREDENTIALS: usize = MAX_SECRETS;

/// A token or password. Only its digest is kept.
#[derive(Clone)]
pub(crate) struct Credential(Digest<32>);

impl Credential {
    pub(crate) fn new(text: &[u8]) -> Self {
        Self(process_key().digest(&[text]))
    }
}

/// One to four credentials.
pub(crate) struct Credentials(PerSecret<Digest<32>>);

impl Credentials {
    /// Takes the first four credentials.
    pub(crate) fn new<'a>(credentials: impl IntoIterator<Item = &'a Credential>) -> Self {
        Self(credentials.into_iter().map(|credential| credential.0).take(MAX_SECRETS).collect())
    }

    /// The position of the credential that matches. All are compared, whichever does.
    pub(crate) fn position_of(&self, given: &Credential) -> Option<usize> {
        let position = first_match(&self.0, &[given.0]);
        (position < self.0.len()).then_some(position)
    }
}

fn process_key() -> &'static MacKey<Sha256> {
    static KEY: OnceLock<MacKey<Sha256>> = OnceLock::new();
    KEY.get_or_init(|| {
        // The standard library seeds `RandomState` from the system's randomness.
        let state = RandomState::new();
        let mut key = [0; 32];
        for (number, part) in (0_u8..).zip(key.chunks_exact_mut(8)) {
            part.copy_from_slice(&state.hash_one(number).to_ne_bytes());
        }
        MacKey::new(&key)
    })
}

#[cfg(test)]
mod tests {
    use super::super::constant_time::COMPARED;
    use super::*;

    const TOKENS: [&str; 3] = ["k5EKJQnf9sMX2vYzJdHG3L8pR", "0aVnD4bWmTzq7RsuPyXc1LfEh", "x"];

    /// The number of comparisons for this token, and the position of its match.
    fn check(given: &[u8]) -> (usize, Option<usize>) {
        let known = TOKENS.map(|token| Credential::new(token.as_bytes()));
        let credentials = Credentials::new(&known);
        let given = Credential::new(given);
        COMPARED.set(0);
        let position = credentials.position_of(&given);
        (COMPARED.get(), position)
    }

    #[test]
    fn all_are_compared_whichever_matches() {
        for (position, token) in TOKENS.iter().enumerate() {
            assert_eq!(check(token.as_bytes()), (3, Some(position)));
        }
        assert_eq!(check(b""), (3, None));
    }

    /// A prefix, a longer token, and any single wrong byte take as many comparisons as a right token.
    #[test]
    fn all_are_compared_wherever_the_first_difference_is() {
        let token = TOKENS[0].as_bytes();
        for at in 0..token.len() {
            let mut wrong = token.to_vec();
            wrong[at] ^= 1;
            assert_eq!(check(&wrong), (3, None), "byte {at}");
            assert_eq!(check(&token[..at]), (3, None), "prefix of {at}");
        }
        assert_eq!(check(&[token, b"x"].concat()), (3, None));
    }

    #[test]
    fn no_more_than_four_are_taken() {
        let known = [(); 6].map(|()| Credential::new(b"same"));
        let credentials = Credentials::new(&known);
        COMPARED.set(0);
        assert_eq!(credentials.position_of(&known[5]), Some(0));
        assert_eq!(COMPARED.get(), 4);
    }
}

//! HMAC-SHA256 over `{t}.{body}`. No other module touches the MAC.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::constant_time::{Choice, ConstantTimeEq};

/// A key as the inner and outer hash states of HMAC. It is wiped on drop.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        #[expect(clippy::expect_used, reason = "the `Result` is there for other MACs")]
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length: RFC 2104, section 2"))
    }

    /// Starts a MAC with the input `{t}.`.
    pub(crate) fn start(&self, timestamp: &[u8]) -> RunningMac {
        let mut mac = self.start_anew();
        mac.update(timestamp);
        mac.update(b".");
        mac
    }

    /// Starts a MAC without any input.
    pub(crate) fn start_anew(&self) -> RunningMac {
        RunningMac(self.0.clone())
    }
}

/// A running MAC, updated as the body arrives.
pub(crate) struct RunningMac(Hmac<Sha256>);

impl RunningMac {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest(self.0.finalize().into_bytes().into())
    }
}

/// A SHA-256 digest, computed or from a header. It has no `PartialEq`, so that digests are compared
/// only in constant time.
#[derive(Clone, Copy)]
pub(crate) struct Digest(pub(crate) [u8; Self::LENGTH]);

impl Digest {
    pub(crate) const LENGTH: usize = 32;
}

impl ConstantTimeEq for Digest {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

#[cfg(test)]
mod tests;

//! HMAC over what a scheme signs. No other module touches the MAC.

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha512};

use super::constant_time::{Choice, ConstantTimeEq};

/// The keys of one secret, one for each hash, as the inner and outer hash states of HMAC. They are
/// wiped on drop.
#[derive(Clone)]
pub(crate) struct MacKeys {
    pub(crate) sha256: MacKey<Sha256>,
    pub(crate) sha512: MacKey<Sha512>,
}

impl MacKeys {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self { sha256: MacKey::new(key), sha512: MacKey::new(key) }
    }
}

/// A key for one hash.
#[derive(Clone)]
pub(crate) struct MacKey<H: EagerHash>(Hmac<H>);

impl<H: EagerHash> MacKey<H>
where
    Hmac<H>: Mac + KeyInit + Clone,
{
    pub(crate) fn new(key: &[u8]) -> Self {
        #[expect(clippy::expect_used, reason = "the `Result` is there for other MACs")]
        let mac = <Hmac<H> as KeyInit>::new_from_slice(key)
            .expect("HMAC takes keys of any length: RFC 2104, section 2");
        Self(mac)
    }

    /// Starts a MAC without any input.
    pub(crate) fn start(&self) -> RunningMac<H> {
        RunningMac(self.0.clone())
    }

    /// The MAC of these parts, one after the other.
    pub(crate) fn digest<const N: usize>(&self, parts: &[&[u8]]) -> Digest<N> {
        let mut mac = self.start();
        for part in parts {
            mac.update(part);
        }
        mac.finish()
    }
}

/// A running MAC, updated as the body arrives.
pub(crate) struct RunningMac<H: EagerHash>(Hmac<H>);

impl<H: EagerHash> RunningMac<H>
where
    Hmac<H>: Mac,
{
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// `N` is the hash's length in bytes.
    pub(crate) fn finish<const N: usize>(self) -> Digest<N> {
        let mut digest = [0; N];
        digest.copy_from_slice(&self.0.finalize().into_bytes());
        Digest(digest)
    }
}

/// A digest of `N` bytes, computed or from a header. It has no `PartialEq`, so that digests are
/// compared only in constant time.
#[derive(Clone, Copy)]
pub(crate) struct Digest<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> ConstantTimeEq for Digest<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

#[cfg(test)]
mod tests;

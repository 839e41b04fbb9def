use std::fmt;

use super::mac::Digest;

/// The key of one signed `{t}.{body}`: the first half of its MAC under one secret.
///
/// A store recognises a replay by this key. The key is too short to be a signature.
///
/// The key comes from the computed MAC, not from a digest in the header, because a sender
/// may list several digests and an attacker who replays the request could drop one of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayKey([u8; 16]);

impl ReplayKey {
    pub(crate) fn from_mac(mac: &Digest) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&mac.0[..16]);
        Self(half)
    }

    /// Creates a key from 16 bytes, for tests of a store.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The key's bytes, uniformly distributed.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayKey(…)")
    }
}

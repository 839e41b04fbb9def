use std::fmt;

use super::mac::Digest;

/// The key of the signed bytes of a delivery: the first 16 bytes of their MAC under one secret.
///
/// A store recognises a replay by this key. The key is too short to be a signature.
///
/// The key comes from the computed MAC, not from a digest in the header, because a sender
/// may list several digests and an attacker who replays the request could drop one of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayKey([u8; 16]);

impl ReplayKey {
    pub(crate) fn from_mac<const N: usize>(mac: &Digest<N>) -> Self {
        let mut start = [0; 16];
        for (to, from) in start.iter_mut().zip(&mac.0) {
            *to = *from;
        }
        Self(start)
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

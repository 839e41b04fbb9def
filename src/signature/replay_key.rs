use std::fmt;
use std::ops::Deref;

use super::mac::Digest;
use super::secrets::{MAX_SECRETS, PerSecret};

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

/// The replay keys of a delivery, one for each secret: at most four. They need no allocation.
///
/// ```
/// use nevent_webhooks::{ReplayKey, ReplayKeys};
///
/// let keys = ReplayKeys::from([ReplayKey::from_bytes([1; 16]), ReplayKey::from_bytes([2; 16])]);
/// assert_eq!(keys.len(), 2);
/// assert!(ReplayKeys::default().is_empty());
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ReplayKeys(PerSecret<ReplayKey>);

impl ReplayKeys {
    /// Takes the first four keys.
    pub fn first_four(keys: impl IntoIterator<Item = ReplayKey>) -> Self {
        Self(keys.into_iter().take(MAX_SECRETS).collect())
    }
}

/// More than four keys do not compile.
impl<const N: usize> From<[ReplayKey; N]> for ReplayKeys {
    fn from(keys: [ReplayKey; N]) -> Self {
        const { assert!(N <= MAX_SECRETS, "a delivery has at most four replay keys") }
        Self::first_four(keys)
    }
}

impl Deref for ReplayKeys {
    type Target = [ReplayKey];

    fn deref(&self) -> &[ReplayKey] {
        &self.0
    }
}

impl<'a> IntoIterator for &'a ReplayKeys {
    type Item = &'a ReplayKey;
    type IntoIter = std::slice::Iter<'a, ReplayKey>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Debug for ReplayKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

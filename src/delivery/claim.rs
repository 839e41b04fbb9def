use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_128;

use super::{DeliveryId, Scope};
use crate::ReplayKey;

/// Everything a [`Store`](crate::store::Store) needs to know of one attempt at one delivery.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claim {
    /// The endpoint.
    pub scope: Scope,
    /// The delivery's id, within the scope.
    pub id: DeliveryId,
    /// Who claims. Drawn by the caller, so that a claim whose answer was lost
    /// can be sent again without standing in its own way.
    pub token: OwnerToken,
    /// What the id stands for.
    pub fingerprint: Fingerprint,
    /// What recognises the signed bytes under another id; may be empty.
    pub replay_keys: Vec<ReplayKey>,
    /// How long the replay keys are to be remembered.
    pub replay_window: Duration,
    /// How long the claim holds unless renewed.
    pub lease: Duration,
    /// How long a completion is remembered.
    pub retention: Duration,
}

impl Claim {
    /// A claim with a token of its own and without replay keys; a lease of
    /// 30 s and a retention of 24 h. Set the fields to change that.
    #[must_use]
    pub fn new(scope: Scope, id: DeliveryId, fingerprint: Fingerprint) -> Self {
        Self {
            scope,
            id,
            token: OwnerToken::draw(),
            fingerprint,
            replay_keys: Vec::new(),
            replay_window: Duration::from_secs(660),
            lease: Duration::from_secs(30),
            retention: Duration::from_secs(24 * 3600),
        }
    }
}

/// Tells the owners of successive claims apart, across processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OwnerToken(u128);

impl OwnerToken {
    /// A token no other claim has: 64 random bits of this process, and a count.
    #[must_use]
    pub fn draw() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static NEXT: AtomicU64 = AtomicU64::new(0);
        // The standard library seeds `RandomState` from the system's randomness.
        let process = PROCESS.get_or_init(|| RandomState::new().build_hasher().finish());
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(u128::from(*process) << 64 | u128::from(count))
    }

    /// The token's bytes, for a store to keep.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

/// What a delivery id stands for: a 128-bit hash of the body alone.
///
/// Keyed by nothing, so that retries signed anew, other processes, other secrets
/// and restarts agree on it. It need not resist an attacker: to collide, the
/// secret's holder would have to sign both bodies.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(u128);

impl Fingerprint {
    /// The format of [`Fingerprint::of`]: 1 is XXH3-128 of the body, no seed.
    /// A store that outlives the process keeps it beside the fingerprint, and
    /// takes fingerprints of different versions for equal.
    pub const VERSION: u8 = 1;

    /// The fingerprint of a body.
    #[must_use]
    pub fn of(body: &[u8]) -> Self {
        Self(xxh3_128(body))
    }

    /// The fingerprint's bytes, for a store to keep.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:032x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the XXH3 specification's sanity checks (empty input, seed 0). A
    /// store may hold fingerprints of an older release: they must not change.
    #[test]
    fn the_fingerprint_of_an_empty_body_is_as_published() {
        let printed = format!("{:?}", Fingerprint::of(b""));
        assert_eq!(printed, "Fingerprint(99aa06d3014798d86001c324468d497f)");
    }

    #[test]
    fn tokens_share_what_is_drawn_for_the_process_and_differ_in_the_rest() {
        let halves = [(); 2].map(|()| {
            let token = OwnerToken::draw().to_bytes();
            (token[..8].to_vec(), token[8..].to_vec())
        });
        assert_eq!(halves[0].0, halves[1].0);
        assert_ne!(halves[0].0, [0; 8], "as good as impossible");
        assert_ne!(halves[0].1, halves[1].1);
    }

    #[test]
    fn every_byte_of_a_body_counts() {
        let body = vec![b'x'; 100_000];
        for at in [0, 64, 50_000, 99_999] {
            let mut other = body.clone();
            other[at] = b'y';
            assert_ne!(Fingerprint::of(&body), Fingerprint::of(&other), "byte {at}");
        }
    }
}

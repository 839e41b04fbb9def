use std::hash::{BuildHasher, Hasher};
use std::sync::PoisonError;

use crate::ReplayKey;
use crate::store::{Claim, Fingerprint, RecordKind, Scope};
use crate::sync::{Mutex, MutexGuard, RandomState};

/// A table in equal parts, each behind its own lock, so that threads seldom wait for each other.
pub(super) struct Shards<T> {
    parts: Box<[Mutex<T>]>,
}

const LEAST_PER_SHARD: usize = 16_384;
const MOST_SHARDS: usize = 64;

impl<T> Shards<T> {
    /// Divides the capacity. `part` makes one part with the given room.
    pub(super) fn new(capacity: usize, part: impl Fn(usize) -> T) -> Self {
        let wanted = (capacity / LEAST_PER_SHARD).clamp(1, MOST_SHARDS);
        let count = 1 << wanted.ilog2();
        let room = room_per_part(capacity, count);
        Self { parts: (0..count).map(|_| Mutex::new(part(room))).collect() }
    }

    /// The part where a uniformly distributed key belongs.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        reason = "parts are 1 to 64"
    )]
    pub(super) fn lock(&self, key: Key) -> MutexGuard<'_, T> {
        // The number of parts is a power of two, and below 256.
        guard(&self.parts[usize::from(key.0[0]) % self.parts.len()])
    }

    pub(super) fn sum(&self, of: impl Fn(&T) -> usize) -> usize {
        self.parts.iter().map(|part| of(&guard(part))).sum()
    }
}

/// Parts do not fill evenly. With head room of six standard deviations, no part is full before
/// the whole is.
fn room_per_part(capacity: usize, count: usize) -> usize {
    let even = capacity.div_ceil(count);
    if count == 1 { even } else { even.saturating_add(even.isqrt().saturating_mul(6)) }
}

/// Ignores that a thread panicked with the lock: no change here can panic half-way.
fn guard<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 128 uniformly distributed bits. A `u128` would cost 16 bytes more in every record, for its
/// alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(pub(super) [u8; 16]);

// What a key is for, hashed between the scope and the rest. No scope contains these characters; 2 is
// left out because a tenant's scope contains it.
const DELIVERY: u8 = 0;
const EVENT: u8 = 1;
const BODY: u8 = 3;
const REPLAY: u8 = 4;

/// Hashes scopes, ids and bodies to 128 bits. The key of the hash is drawn for this store, so
/// that an attacker cannot choose ids that collide.
#[derive(Default)]
pub(super) struct KeyedHash {
    high: RandomState,
    low: RandomState,
}

impl KeyedHash {
    pub(super) fn record(&self, claim: &Claim) -> Key {
        let kind = match claim.kind {
            RecordKind::Delivery => DELIVERY,
            RecordKind::Event => EVENT,
        };
        self.hash(&claim.scope, kind, claim.id.as_str().as_bytes())
    }

    pub(super) fn body(&self, scope: &Scope, body: Fingerprint) -> Key {
        self.hash(scope, BODY, &body.to_bytes())
    }

    /// Replay keys are uniformly distributed already, so only the scope is hashed.
    pub(super) fn replays<'a>(
        &self,
        scope: &Scope,
        keys: &'a [ReplayKey],
    ) -> impl Iterator<Item = Key> + Clone + use<'a> {
        let scope = u128::from_ne_bytes(self.hash(scope, REPLAY, b"").0);
        let mixed = move |key: &ReplayKey| u128::from_ne_bytes(key.to_bytes()) ^ scope;
        keys.iter().map(move |key| Key(mixed(key).to_ne_bytes()))
    }

    fn hash(&self, scope: &Scope, kind: u8, rest: &[u8]) -> Key {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(scope.as_str().as_bytes());
            // No scope contains such a byte, so different inputs have different bytes.
            hasher.write_u8(kind);
            hasher.write(rest);
            hasher.finish().to_ne_bytes()
        };
        let mut key = [0; 16];
        key[..8].copy_from_slice(&half(&self.high));
        key[8..].copy_from_slice(&half(&self.low));
        Key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_key_has_another_hash_in_each_scope() {
        let (hash, keys) = (KeyedHash::default(), [ReplayKey::from_bytes([7; 16])]);
        let of = |scope: &str| hash.replays(&Scope::new(scope).expect("a scope"), &keys);
        assert!(of("tickets").eq(of("tickets")));
        assert!(of("tickets").ne(of("shop")));
    }
}

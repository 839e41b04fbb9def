use std::hash::{BuildHasher, Hasher};
use std::sync::PoisonError;

use crate::store::{Fingerprint, Scope};
use crate::sync::{Mutex, MutexGuard, RandomState};
use crate::{DeliveryId, ReplayKey};

/// Equal parts behind a lock each, so that threads seldom meet.
pub(super) struct Shards<T> {
    parts: Box<[Mutex<T>]>,
}

const LEAST_PER_SHARD: usize = 16_384;
const MOST_SHARDS: usize = 64;

impl<T> Shards<T> {
    /// Room for `capacity` in all; `part` makes a part with room for so many.
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

/// Keys fall unevenly: six standard deviations of head room, and a part is never
/// full before the whole is.
fn room_per_part(capacity: usize, count: usize) -> usize {
    let even = capacity.div_ceil(count);
    if count == 1 { even } else { even.saturating_add(even.isqrt().saturating_mul(6)) }
}

/// Nothing inside panics half-way through a change.
fn guard<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 128 uniformly distributed bits. (Not a `u128`, whose alignment would cost 16
/// bytes in every record.)
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key(pub(super) [u8; 16]);

/// Hashes scopes, ids and bodies to 128 bits under a key drawn for this store, so that
/// nobody can choose some that collide.
#[derive(Default)]
pub(super) struct KeyedHash {
    high: RandomState,
    low: RandomState,
}

impl KeyedHash {
    pub(super) fn record(&self, scope: &Scope, id: &DeliveryId) -> Key {
        self.hash(scope, id.as_str().as_bytes())
    }

    pub(super) fn body(&self, scope: &Scope, body: Fingerprint) -> Key {
        self.hash(scope, &body.to_bytes())
    }

    /// Replay keys are uniform already; the scope's hash tells scopes apart.
    pub(super) fn replays(&self, scope: &Scope, keys: &[ReplayKey]) -> Vec<Key> {
        let scope = self.hash(scope, b"");
        let (scope, bits) = (u128::from_ne_bytes(scope.0), |key: &ReplayKey| key.to_bytes());
        let keys = keys.iter().map(|key| u128::from_ne_bytes(bits(key)) ^ scope);
        keys.map(|key| Key(key.to_ne_bytes())).collect()
    }

    fn hash(&self, scope: &Scope, rest: &[u8]) -> Key {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write(scope.as_str().as_bytes());
            // A scope holds no zero byte, so no two pairs run together.
            hasher.write_u8(0);
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
    fn a_replay_key_is_another_in_each_scope() {
        let (hash, keys) = (KeyedHash::default(), [ReplayKey::from_bytes([7; 16])]);
        let of = |scope: &str| hash.replays(&Scope::new(scope).expect("a scope"), &keys);
        assert!(of("tickets") == of("tickets"));
        assert!(of("tickets") != of("shop"));
    }
}

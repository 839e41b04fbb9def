use std::hash::{BuildHasher, Hash, Hasher};

use arrayvec::ArrayVec;
use siphasher::sip128::SipHasher13;

use crate::ReplayKey;
use crate::store::{Claim, Fingerprint, RecordKind, Scope};
use crate::sync::RandomState;

/// The place of a row: 128 uniformly distributed bits. They serve as their own hash, because
/// nobody outside the store can predict them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    /// Chooses the shard by its lowest bits, and the part of an index by its highest.
    pub(super) high: u64,
    /// The hash for the tables within.
    pub(super) low: u64,
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

// What a key is for, hashed between the scope and the rest. No scope contains these characters; 2 is
// left out because a tenant's scope contains it.
const DELIVERY: u8 = 0;
const EVENT: u8 = 1;
const SIGNED_BYTES: u8 = 3;
#[cfg(feature = "queue")]
const QUEUED: u8 = 4;

/// The longest scope has 257 bytes, and the longest id 128.
const LONGEST: usize = 512;

/// Hashes scopes, ids and bodies to 128 bits by SipHash-1-3, which the tables of the standard
/// library use as well. The key of the hash is drawn for this store, so that an attacker cannot
/// choose ids that collide.
pub(super) struct KeyedHash(SipHasher13);

impl KeyedHash {
    pub(super) fn record(&self, claim: &Claim) -> Key {
        let kind = match claim.kind {
            RecordKind::Delivery => DELIVERY,
            RecordKind::Event => EVENT,
            #[cfg(feature = "queue")]
            RecordKind::Queued => QUEUED,
        };
        self.hash(&claim.scope, kind, claim.id.as_str().as_bytes())
    }

    pub(super) fn signed_bytes(&self, scope: &Scope, body: Fingerprint) -> SignedBytes {
        SignedBytes(self.hash(scope, SIGNED_BYTES, &body.to_bytes()))
    }

    fn hash(&self, scope: &Scope, kind: u8, rest: &[u8]) -> Key {
        let mut input = ArrayVec::<u8, LONGEST>::new();
        // No scope contains such a byte as the kind, so different inputs have different bytes.
        let _ = input.try_extend_from_slice(scope.as_str().as_bytes());
        let _ = input.try_push(kind);
        let _ = input.try_extend_from_slice(rest);
        let hash = self.0.hash(&input);
        Key { high: hash.h1, low: hash.h2 }
    }
}

impl Default for KeyedHash {
    fn default() -> Self {
        // The standard library seeds `RandomState` from the system's randomness.
        let random = RandomState::default();
        Self(SipHasher13::new_with_keys(random.hash_one(0), random.hash_one(1)))
    }
}

/// The hash of a body in a scope. It makes the body's replay keys unpredictable: the owner of the
/// secret, who knows them, could otherwise look for some that collide.
#[derive(Clone, Copy)]
pub(super) struct SignedBytes(Key);

impl SignedBytes {
    /// The key that chooses the shard: all replay keys of one body in one scope are in one shard.
    pub(super) fn shard(self) -> Key {
        self.0
    }

    /// Where the replay record of this key is. Replay keys are uniformly distributed and belong to
    /// one body, so no further hash is needed.
    pub(super) fn replay(self, key: ReplayKey) -> Key {
        let bytes = key.to_bytes();
        let (mut high, mut low) = ([0; 8], [0; 8]);
        high.copy_from_slice(&bytes[..8]);
        low.copy_from_slice(&bytes[8..]);
        let [high, low] = [high, low].map(u64::from_ne_bytes);
        Key { high: high ^ self.0.high, low: low ^ self.0.low }
    }
}

/// Uses a [`Key`] as its own hash.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct KeyAsHash(u64);

impl BuildHasher for KeyAsHash {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for KeyAsHash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeliveryId;

    fn scope(name: &str) -> Scope {
        Scope::new(name).expect("a scope")
    }

    #[test]
    fn a_replay_key_has_another_place_in_each_scope_and_for_each_body() {
        let (hash, key) = (KeyedHash::default(), ReplayKey::from_bytes([7; 16]));
        let of = |name, body| hash.signed_bytes(&scope(name), Fingerprint::of(body)).replay(key);
        assert_eq!(of("tickets", b"body"), of("tickets", b"body"));
        assert_ne!(of("tickets", b"body"), of("shop", b"body"));
        assert_ne!(of("tickets", b"body"), of("tickets", b"other"));
    }

    #[test]
    fn every_bit_of_a_replay_key_counts() {
        let signed = KeyedHash::default().signed_bytes(&scope("test"), Fingerprint::of(b"body"));
        let at = |bits: u128| signed.replay(ReplayKey::from_bytes(bits.to_le_bytes()));
        assert!((0..128).all(|bit| at(1 << bit) != at(0)));
    }

    /// Scopes and ids are not run together, kinds differ, and so do stores.
    #[test]
    fn a_record_has_a_place_of_its_own() {
        let claim = |name, id, kind| {
            let id = DeliveryId::new(id).expect("an id");
            let mut claim = Claim::new(scope(name), id, Fingerprint::of(b""));
            claim.kind = kind;
            claim
        };
        let claims = [
            claim("test", "id", RecordKind::Delivery),
            claim("test", "id", RecordKind::Event),
            #[cfg(feature = "queue")]
            claim("test", "id", RecordKind::Queued),
            claim("test", "id2", RecordKind::Delivery),
            claim("testi", "d", RecordKind::Delivery),
        ];
        let hashes = [KeyedHash::default(), KeyedHash::default()];
        let all = hashes.iter().flat_map(|hash| claims.iter().map(|claim| hash.record(claim)));
        let different: std::collections::HashSet<_> = all.collect();
        let stores = if cfg!(nevent_loom) { 1 } else { 2 };
        assert_eq!(different.len(), stores * claims.len());
    }
}

//! Shards of `lru`: how far the crate itself goes when its keys are hashes of the ids, which are their
//! own hashes in its tables. Each entry has room for an expiry, which nobody reads. The tables grow on demand.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Mutex;

use lru::LruCache;

use crate::peers::Insert;

const SHARDS: u64 = 64;

pub fn store(_: usize) -> Insert {
    let shard = |_| Mutex::new(LruCache::<u128, u64, _>::unbounded_with_hasher(KeyAsHash(0)));
    let shards: Vec<_> = (0..SHARDS).map(shard).collect();
    let random = RandomState::new();
    Box::new(move |id| {
        let hash = random.hash_one(id);
        // As wide as a key that tells all ids apart, and from one pass of the hash.
        let key = u128::from(hash) << 64 | u128::from(hash);
        let shard = &shards[usize::try_from(hash % SHARDS).expect("few shards")];
        // Two locks, as for a claim and a completion.
        let is_new = shard.lock().expect("no panic").get(&key).is_none();
        shard.lock().expect("no panic").put(key, 1);
        is_new
    })
}

#[derive(Clone, Copy)]
struct KeyAsHash(u64);

impl BuildHasher for KeyAsHash {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for KeyAsHash {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers")
    }

    fn write_u128(&mut self, key: u128) {
        // The lowest bits chose the shard.
        self.0 = u64::try_from(key >> 64).expect("64 bits").rotate_left(32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

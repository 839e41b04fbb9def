use arrayvec::ArrayVec;
use hashbrown::HashTable;

use super::keyed_hash::Key;
use super::slab::Slot;

/// Finds the slot of a key: 5 bytes a key, in tables of which none is large. So none takes long
/// to grow, and at full capacity they are five sixths full. One table would be half empty after
/// each growth, and would hold up a claim while it grows.
pub(super) struct Index {
    /// Empty until the first key is inserted.
    parts: Vec<HashTable<Slot>>,
    count: usize,
}

/// A table of 4,096 places may hold 3,584 keys. The parts do not fill evenly, so they get fewer on
/// average, and few grow once more.
const KEYS_PER_PART: usize = 3_400;

const READ_TOGETHER: usize = 32;

impl Index {
    /// An index for about this many keys. It may hold more.
    pub(super) fn new(room: usize) -> Self {
        let rounded = room.saturating_add(KEYS_PER_PART / 2) / KEYS_PER_PART;
        Self { parts: Vec::new(), count: rounded.max(1) }
    }

    /// The slot of this key, if there is one for which `has_key` is true.
    pub(super) fn find(&self, key: Key, has_key: impl Fn(Slot) -> bool) -> Option<Slot> {
        let part = self.parts.get(self.part_of(key))?;
        part.find(key.low, |slot| has_key(*slot)).copied()
    }

    /// Inserts a key that has no slot yet. `key_of` returns the key of a slot that was inserted.
    pub(super) fn insert(&mut self, key: Key, slot: Slot, key_of: impl Fn(Slot) -> u64) {
        if self.parts.is_empty() {
            self.parts.resize_with(self.count, HashTable::new);
        }
        let place = self.part_of(key);
        let Some(part) = self.parts.get_mut(place) else { return };
        if part.len() == part.capacity() {
            make_room(part, &key_of);
        }
        part.insert_unique(key.low, slot, |slot| key_of(*slot));
    }

    /// Removes the slot of this key.
    pub(super) fn remove(&mut self, key: Key, slot: Slot) {
        let place = self.part_of(key);
        let Some(part) = self.parts.get_mut(place) else { return };
        if let Ok(entry) = part.find_entry(key.low, |known| *known == slot) {
            entry.remove();
        }
    }

    /// Scales the highest 32 bits of the key to the number of parts.
    fn part_of(&self, key: Key) -> usize {
        let scaled = (key.high >> 32).saturating_mul(self.count as u64) >> 32;
        usize::try_from(scaled).unwrap_or(0)
    }
}

/// Rebuilds the table with room for one more key. Left to itself, `HashTable` would double a table
/// that is more than half full when keys that were removed have used up its places.
fn make_room(part: &mut HashTable<Slot>, key_of: impl Fn(Slot) -> u64) {
    let mut next = HashTable::with_capacity(part.len().saturating_add(1));
    let mut slots = part.iter();
    loop {
        // Read together. One by one, the processor would wait for each row before it asks memory for
        // the next.
        let keys = slots.by_ref().take(READ_TOGETHER).map(|slot| (key_of(*slot), *slot));
        let keys: ArrayVec<_, READ_TOGETHER> = keys.collect();
        if keys.is_empty() {
            break;
        }
        for (key, slot) in keys {
            next.insert_unique(key, slot, |slot| key_of(*slot));
        }
    }
    *part = next;
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "small numbers, and bits to spread")]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// Keys by their slots. The numbers are spread over all bits, and are repeatable.
    fn key(n: u64) -> Key {
        let spread = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        Key { high: (spread >> 64) as u64, low: spread as u64 }
    }

    fn find(index: &Index, keys: &HashMap<Slot, u64>, n: u64) -> Option<Slot> {
        index.find(key(n), |slot| keys.get(&slot) == Some(&n))
    }

    #[test]
    fn an_empty_index_takes_no_memory_and_finds_nothing() {
        let index = Index::new(1_000_000_000);
        assert_eq!(index.parts.capacity(), 0);
        assert_eq!(index.find(key(1), |_| true), None);
    }

    #[test]
    fn each_key_is_found_until_it_is_removed() {
        let (mut index, mut keys) = (Index::new(20_000), HashMap::new());
        for n in 0..20_000 {
            let slot = n as Slot;
            keys.insert(slot, n);
            index.insert(key(n), slot, |slot| key(keys[&slot]).low);
        }
        assert!((0..20_000).all(|n| find(&index, &keys, n) == Some(n as Slot)));
        assert!(index.parts.len() > 4 && index.parts.iter().all(|part| part.len() > 3_000));
        (0..20_000).step_by(2).for_each(|n| index.remove(key(n), n as Slot));
        assert!((0..20_000).all(|n| find(&index, &keys, n).is_some() == (n % 2 == 1)));
    }

    /// Two keys with the same hash are two keys.
    #[test]
    fn keys_whose_hashes_collide_are_told_apart() {
        let (mut index, same) = (Index::new(10), Key { high: 1, low: 1 });
        for slot in 0..100 {
            index.insert(same, slot, |_| same.low);
        }
        assert!((0..100).all(|slot| index.find(same, |known| known == slot) == Some(slot)));
        index.remove(same, 50);
        assert_eq!(index.find(same, |known| known == 50), None);
        assert_eq!(index.find(same, |known| known == 51), Some(51));
    }

    /// `HashTable` alone would double the table.
    #[test]
    fn an_index_whose_keys_come_and_go_does_not_grow() {
        let (mut index, mut keys) = (Index::new(KEYS_PER_PART), HashMap::new());
        for n in 0..100_000 {
            let slot = (n % KEYS_PER_PART as u64) as Slot;
            if let Some(old) = keys.insert(slot, n) {
                index.remove(key(old), slot);
            }
            index.insert(key(n), slot, |slot| key(keys[&slot]).low);
        }
        let places: Vec<_> = index.parts.iter().map(HashTable::num_buckets).collect();
        assert_eq!(places, [4_096]);
        let all = keys.iter().all(|(slot, n)| find(&index, &keys, *n) == Some(*slot));
        assert!(all && index.parts[0].len() == KEYS_PER_PART);
    }
}

use hashbrown::HashTable;

use super::keyed_hash::Key;
use super::slab::Slot;

/// Finds the slot of a key: 5 bytes a key, in tables of which none is large. So none takes long
/// to grow, and at full capacity they are four fifths full. One table would be half empty after
/// each growth, and would hold up a claim while it grows.
pub(super) struct Index {
    /// Empty until the first key is inserted.
    parts: Vec<HashTable<Slot>>,
    count: usize,
}

/// A table of 4,096 places may hold 3,584 keys. The parts do not fill evenly: this is five
/// standard deviations below.
const KEYS_PER_PART: usize = 3_276;

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
    #[expect(clippy::arithmetic_side_effects, reason = "the product has 64 bits")]
    fn part_of(&self, key: Key) -> usize {
        ((key.high >> 32) as usize * self.count) >> 32
    }
}

/// Rebuilds the table with room for one more key. Left to itself, `HashTable` would double a table
/// that is more than half full when keys that were removed have used up its places.
fn make_room(part: &mut HashTable<Slot>, key_of: impl Fn(Slot) -> u64) {
    let mut next = HashTable::with_capacity(part.len().saturating_add(1));
    for slot in part.iter() {
        next.insert_unique(key_of(*slot), *slot, |slot| key_of(*slot));
    }
    *part = next;
}

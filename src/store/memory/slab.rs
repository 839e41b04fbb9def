use arrayvec::ArrayVec;

/// The place of a value in a [`Slab`].
pub(super) type Slot = u32;

/// No slot: [`Slab::get`] has nothing there.
pub(super) const NO_SLOT: Slot = Slot::MAX;

/// Values in blocks, so that the slab grows without moving any.
pub(super) struct Slab<T> {
    blocks: Vec<Box<ArrayVec<T, BLOCK>>>,
    /// How many slots have ever been used.
    used: usize,
    /// Slots whose value is not needed any more.
    free: Vec<Slot>,
}

/// A block of 48-byte rows then takes 2,560 bytes of the heap: a little less than the table of an
/// [`Index`](super::index::Index) of 512 places, and half of the next larger one. So blocks fill the
/// gaps that tables leave when they grow, or 5 million rows would take 1.3 bytes more each.
const BLOCK: usize = 53;

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new(), used: 0, free: Vec::new() }
    }

    /// Keeps a value and returns its slot.
    pub(super) fn insert(&mut self, value: T) -> Slot {
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.get_mut(slot) {
                *place = value;
            }
            return slot;
        }
        let slot = Slot::try_from(self.used).unwrap_or(NO_SLOT);
        self.used = self.used.saturating_add(1);
        if self.blocks.last().is_none_or(|block| block.is_full()) {
            self.blocks.push(Box::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            let _ = block.try_push(value);
        }
        slot
    }

    /// Gives the slot to the next value. The caller must not use it again.
    pub(super) fn free(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&T> {
        let slot = slot as usize;
        self.blocks.get(slot / BLOCK)?.get(slot % BLOCK)
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let slot = slot as usize;
        self.blocks.get_mut(slot / BLOCK)?.get_mut(slot % BLOCK)
    }

    pub(super) fn len(&self) -> usize {
        self.used.saturating_sub(self.free.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_where_they_were_put() {
        let mut slab = Slab::new();
        let slots: Vec<_> = (0..1_000).map(|n| slab.insert(n)).collect();
        assert!(slots.iter().zip(0..).all(|(slot, n)| slab.get(*slot) == Some(&n)));
        assert_eq!((slab.len(), slab.get(1_000), slab.get(NO_SLOT)), (1_000, None, None));
    }

    #[test]
    fn a_free_slot_is_used_again() {
        let mut slab = Slab::new();
        let slots: Vec<_> = (0..100).map(|n| slab.insert(n)).collect();
        slab.free(slots[7]);
        assert_eq!((slab.len(), slab.insert(700)), (99, slots[7]));
        assert_eq!((slab.get(slots[7]), slab.len()), (Some(&700), 100));
        assert_eq!(slab.insert(800) as usize, slots.len());
    }
}

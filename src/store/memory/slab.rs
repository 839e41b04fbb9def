/// The place of a value in a [`Slab`].
pub(super) type Slot = u32;

/// No slot: [`Slab::get`] has nothing there.
pub(super) const NO_SLOT: Slot = Slot::MAX;

/// Values in blocks, so that the slab grows without moving any.
pub(super) struct Slab<T> {
    blocks: Vec<Vec<T>>,
    /// Slots whose value is not needed any more.
    free: Vec<Slot>,
}

const BLOCK: usize = 256;

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self { blocks: Vec::new(), free: Vec::new() }
    }

    /// Keeps a value and returns its slot.
    pub(super) fn insert(&mut self, value: T) -> Slot {
        if let Some(slot) = self.free.pop() {
            if let Some(place) = self.get_mut(slot) {
                *place = value;
            }
            return slot;
        }
        let slot = self.used();
        match self.blocks.last_mut() {
            Some(block) if block.len() < BLOCK => block.push(value),
            _ => {
                let mut block = Vec::with_capacity(BLOCK);
                block.push(value);
                self.blocks.push(block);
            }
        }
        Slot::try_from(slot).unwrap_or(NO_SLOT)
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
        self.used().saturating_sub(self.free.len())
    }

    /// How many slots have ever been used.
    fn used(&self) -> usize {
        let full = self.blocks.len().saturating_sub(1).saturating_mul(BLOCK);
        full.saturating_add(self.blocks.last().map_or(0, Vec::len))
    }
}

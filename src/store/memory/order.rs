use super::keyed_hash::Key;
use super::slab::{NO_SLOT, Slab, Slot};
use super::time::{Millis, Moment};

/// The rows with one window, least recently seen first: a list through their links.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) window: Millis,
    /// No row of this order expires later than this.
    pub(super) latest: Millis,
    pub(super) len: usize,
    /// The row seen least recently, or [`NO_SLOT`].
    pub(super) oldest: Slot,
    /// The row seen last, or [`NO_SLOT`].
    pub(super) newest: Slot,
}

/// A row and its place in its order. 48 bytes, if the value takes 17 or less: there may be
/// millions.
#[derive(Clone, Copy)]
pub(super) struct Row<V> {
    pub(super) key: Key,
    pub(super) value: V,
    pub(super) expires: Moment,
    /// The place of its order among the orders.
    pub(super) order: u8,
    older: Slot,
    newer: Slot,
}

impl<V> Row<V> {
    /// A row that is in no order yet.
    pub(super) fn new(key: Key, value: V, expires: Millis, order: u8) -> Self {
        let expires = Moment::new(expires);
        Self { key, value, expires, order, older: NO_SLOT, newer: NO_SLOT }
    }
}

impl Order {
    pub(super) fn new(window: Millis) -> Self {
        Self { window, latest: 0, len: 0, oldest: NO_SLOT, newest: NO_SLOT }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn distance(&self, window: Millis) -> Millis {
        self.window.abs_diff(window)
    }

    /// Adds a row that is in no order, as the one seen last.
    pub(super) fn push<V>(&mut self, rows: &mut Slab<Row<V>>, slot: Slot) {
        let older = self.newest;
        if let Some(row) = rows.get_mut(slot) {
            (row.older, row.newer) = (older, NO_SLOT);
        }
        match rows.get_mut(older) {
            Some(row) => row.newer = slot,
            None => self.oldest = slot,
        }
        self.newest = slot;
        self.len = self.len.saturating_add(1);
    }

    /// Takes out a row of this order.
    pub(super) fn remove<V>(&mut self, rows: &mut Slab<Row<V>>, slot: Slot) {
        let Some(&mut Row { older, newer, .. }) = rows.get_mut(slot) else { return };
        match rows.get_mut(older) {
            Some(row) => row.newer = newer,
            None => self.oldest = newer,
        }
        match rows.get_mut(newer) {
            Some(row) => row.older = older,
            None => self.newest = older,
        }
        self.len = self.len.saturating_sub(1);
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots from the oldest to the newest, which must be those from the newest to the oldest.
    fn slots(order: &Order, rows: &Slab<Row<()>>) -> Vec<Slot> {
        let walk = |first, next: fn(&Row<()>) -> Slot| {
            let step = move |slot: &Slot| rows.get(*slot).map(next).filter(|slot| *slot != NO_SLOT);
            std::iter::successors(Some(first).filter(|slot| *slot != NO_SLOT), step)
        };
        let forward: Vec<_> = walk(order.oldest, |row| row.newer).collect();
        let mut backward: Vec<_> = walk(order.newest, |row| row.older).collect();
        backward.reverse();
        assert_eq!((forward.len(), &forward), (order.len, &backward));
        forward
    }

    #[test]
    fn rows_are_taken_out_anywhere_and_come_back_last() {
        let (mut rows, mut order) = (Slab::new(), Order::new(0));
        for n in 0..4 {
            let slot = rows.insert(Row::new(Key { high: 0, low: n }, (), 0, 0));
            order.push(&mut rows, slot);
        }
        for (slot, after) in [(0, [1, 2, 3, 0]), (2, [1, 3, 0, 2]), (2, [1, 3, 0, 2])] {
            order.remove(&mut rows, slot);
            assert!(!slots(&order, &rows).contains(&slot));
            order.push(&mut rows, slot);
            assert_eq!(slots(&order, &rows), after);
        }
        (0..4).for_each(|slot| order.remove(&mut rows, slot));
        assert!(slots(&order, &rows).is_empty() && order.is_empty());
    }

    #[test]
    fn a_row_takes_48_bytes() {
        use super::super::first_id::FirstId;
        assert_eq!([size_of::<Row<[u8; 16]>>(), size_of::<Row<FirstId>>()], [48; 2]);
    }
}

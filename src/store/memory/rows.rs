use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::index::Index;
use super::keyed_hash::Key;
use super::order::{Order, Row};
use super::slab::{Slab, Slot};
use super::time::Millis;

/// The rows of one shard. A row counts as none from the moment it expires; its window is the time
/// from its insertion until then.
///
/// Rows with the same window share one order, least recently seen first. Windows have separate
/// orders, otherwise a long-lived row at the head would keep the expired ones behind it, and
/// many rows of one window would evict the few of another.
pub(super) struct Rows<V> {
    room: usize,
    index: Index,
    slab: Slab<Row<V>>,
    /// None is ever taken out: rows know theirs by its place.
    orders: Vec<Order>,
    /// The rows that may expire before one ahead of them in their order, first expiry first, and
    /// their windows. All other rows expire no earlier than those ahead of them, so the heads of
    /// the orders and of this map show whether any row has expired.
    out_of_order: BTreeMap<(Millis, Slot), Millis>,
}

/// Every operation looks at each order, so there are few.
const MOST_WINDOWS: usize = 8;

/// A row that made room for another.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Evicted<V> {
    pub(super) value: V,
    /// `None` if the row had expired.
    pub(super) age: Option<Millis>,
}

impl<V: Copy> Rows<V> {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            index: Index::new(room),
            slab: Slab::new(),
            orders: Vec::new(),
            out_of_order: BTreeMap::new(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.room
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The slot of this key, also if its row has expired. It stays valid until a row is inserted or
    /// removed.
    pub(super) fn find(&self, key: Key) -> Option<Slot> {
        self.index.find(key, |slot| self.slab.get(slot).is_some_and(|row| row.key == key))
    }

    /// The row of this slot, unless it has expired.
    pub(super) fn live(&self, slot: Slot, now: Millis) -> Option<&Row<V>> {
        self.slab.get(slot).filter(|row| row.expires.millis() > now)
    }

    /// Inserts a row with this window. The key must have no row, not even one that has expired,
    /// and there must be room.
    pub(super) fn insert(&mut self, key: Key, value: V, expires: Millis, window: Millis) {
        let place = self.order_for(window);
        let Some(order) = self.orders.get_mut(place) else { return };
        if order.is_empty() {
            order.latest = 0;
        }
        let in_order = order.window == window && order.latest <= expires;
        order.latest = order.latest.max(expires);
        let place = u8::try_from(place).unwrap_or(u8::MAX);
        let slot = self.slab.insert(Row::new(key, value, expires, place));
        order.push(&mut self.slab, slot);
        let hash_of = |slot| self.slab.get(slot).map_or(0, |row| row.key.low);
        self.index.insert(key, slot, hash_of);
        if !in_order {
            self.out_of_order.insert((expires, slot), window);
        }
    }

    /// Removes a row and returns its value.
    pub(super) fn remove(&mut self, slot: Slot) -> Option<V> {
        let row = *self.slab.get(slot)?;
        self.orders.get_mut(usize::from(row.order))?.remove(&mut self.slab, slot);
        self.index.remove(row.key, slot);
        self.out_of_order.remove(&(row.expires.millis(), slot));
        self.slab.free(slot);
        Some(row.value)
    }

    /// Makes a row the most recently seen of its order. A row that moves may now expire before
    /// those ahead.
    pub(super) fn promote(&mut self, slot: Slot) {
        let Some(&row) = self.slab.get(slot) else { return };
        let Some(order) = self.orders.get_mut(usize::from(row.order)) else { return };
        if order.newest != slot {
            order.remove(&mut self.slab, slot);
            order.push(&mut self.slab, slot);
            self.out_of_order.entry((row.expires.millis(), slot)).or_insert(order.window);
        }
    }

    /// Drops expired rows: two at most of each order, so that no single claim pays for many, and
    /// at least one if any row has expired.
    pub(super) fn drop_expired(&mut self, now: Millis, mut dropped: impl FnMut(V)) {
        for place in 0..self.orders.len() {
            for _ in 0..2 {
                let oldest = self.orders.get(place).map(|order| order.oldest);
                match oldest.and_then(|slot| self.remove_expired(slot, now)) {
                    Some(value) => dropped(value),
                    None => break,
                }
            }
        }
        for _ in 0..2 {
            let first = self.out_of_order.first_key_value().map(|((_, slot), _)| *slot);
            match first.and_then(|slot| self.remove_expired(slot, now)) {
                Some(value) => dropped(value),
                None => return,
            }
        }
    }

    fn remove_expired(&mut self, slot: Slot, now: Millis) -> Option<V> {
        if self.slab.get(slot)?.expires.millis() > now { None } else { self.remove(slot) }
    }

    /// Makes room for a row of this window by dropping the least recently seen row of the window
    /// that has the most, or of the row's own window if it has as many.
    ///
    /// Call [`drop_expired`](Self::drop_expired) first.
    pub(super) fn evict(&mut self, window: Millis, now: Millis) -> Option<Evicted<V>> {
        let most = |order: &&Order| (order.len, Reverse(order.distance(window)));
        let &Order { oldest, window, .. } = self.orders.iter().max_by_key(most)?;
        let expires = self.slab.get(oldest)?.expires.millis();
        let window = self.out_of_order.get(&(expires, oldest)).copied().unwrap_or(window);
        let left = expires.saturating_sub(now);
        let age = (left > 0).then(|| window.saturating_sub(left));
        self.remove(oldest).map(|value| Evicted { value, age })
    }

    /// The place of this window's order. If there can be no more orders, that of the nearest
    /// window's.
    fn order_for(&mut self, window: Millis) -> usize {
        if let Some(place) = self.orders.iter().position(|order| order.window == window) {
            return place;
        }
        if let Some(empty) = self.orders.iter_mut().find(|order| order.is_empty()) {
            empty.window = window;
        } else if self.orders.len() < MOST_WINDOWS {
            self.orders.push(Order::new(window));
        }
        let distance = |(_, order): &(usize, &Order)| order.distance(window);
        self.orders.iter().enumerate().min_by_key(distance).map_or(0, |(place, _)| place)
    }
}

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use arrayvec::ArrayVec;
use lru::LruCache;

use super::shards::Key;

/// A row of a table: it counts as no row from the moment it expires.
pub(super) trait Row {
    fn expires(&self) -> Duration;
}

/// The rows of one shard. The window of a row is the time from its insertion until it expires.
///
/// Rows with the same window share one order, least recently seen first. Windows have separate
/// orders, otherwise a long-lived row at the head would keep the expired ones behind it, and
/// many rows of one window would evict the few of another.
pub(super) struct Rows<R> {
    room: NonZeroUsize,
    /// At least one.
    orders: ArrayVec<Order<R>, MOST_WINDOWS>,
    /// The rows that may expire before one ahead of them in their order, first expiry first, and
    /// their windows. All other rows expire no earlier than those ahead of them, so the heads of
    /// the orders and of this map show whether any row has expired.
    out_of_order: BTreeMap<(Duration, Key), Duration>,
}

/// Every operation looks at each order, so there are few.
const MOST_WINDOWS: usize = 8;

struct Order<R> {
    window: Duration,
    /// No row of this order expires later than this.
    latest: Duration,
    rows: LruCache<Key, R>,
}

impl<R: Row> Rows<R> {
    /// Creates the first order now, so that the first row waits for no large allocation.
    pub(super) fn new(room: usize) -> Self {
        let room = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
        let orders = [Order::new(Duration::ZERO, room)].into_iter().collect();
        Self { room, orders, out_of_order: BTreeMap::new() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.room.get()
    }

    pub(super) fn len(&self) -> usize {
        self.orders.iter().map(|order| order.rows.len()).sum()
    }

    /// The row of this key, unless it has expired.
    pub(super) fn get(&self, key: Key, now: Duration) -> Option<&R> {
        self.find(key).filter(|row| row.expires() > now)
    }

    /// Like [`get`](Self::get), but removes a row that has expired.
    pub(super) fn get_or_remove(&mut self, key: Key, now: Duration) -> Option<&R> {
        if self.find(key)?.expires() <= now {
            self.remove(key);
        }
        self.find(key)
    }

    /// Inserts a row that expires after this window. The key must have no row, not even one that
    /// has expired, and there must be room.
    pub(super) fn insert(&mut self, key: Key, row: R, window: Duration) {
        let expires = row.expires();
        let Some(order) = self.order_for(window) else { return };
        if order.rows.is_empty() {
            order.latest = Duration::ZERO;
        }
        let in_order = order.window == window && order.latest <= expires;
        order.latest = order.latest.max(expires);
        order.rows.put(key, row);
        if !in_order {
            self.out_of_order.insert((expires, key), window);
        }
    }

    /// Makes a row the most recently seen of its order. A row that moves may now expire before
    /// those ahead.
    pub(super) fn promote(&mut self, key: Key) {
        for order in &mut self.orders {
            if order.rows.peek_mru().is_some_and(|(last, _)| *last == key) {
                return;
            }
            if order.rows.promote(&key)
                && let Some((_, row)) = order.rows.peek_mru()
            {
                self.out_of_order.entry((row.expires(), key)).or_insert(order.window);
                return;
            }
        }
    }

    /// Drops expired rows: two at most of each order, so that no single claim pays for many, and
    /// at least one if any row has expired.
    pub(super) fn drop_expired(&mut self, now: Duration) {
        for order in &mut self.orders {
            for _ in 0..2 {
                if order.rows.peek_lru().is_none_or(|(_, row)| row.expires() > now) {
                    break;
                }
                if let Some((key, row)) = order.rows.pop_lru() {
                    self.out_of_order.remove(&(row.expires(), key));
                }
            }
        }
        for _ in 0..2 {
            match self.out_of_order.first_key_value() {
                Some((&(expires, key), _)) if expires <= now => self.remove(key),
                _ => return,
            }
        }
    }

    /// Makes room for a row of this window by dropping the least recently seen row of the window
    /// that has the most, or of the row's own window if it has as many. Returns the age of the
    /// dropped row if it had not expired.
    ///
    /// Call [`drop_expired`](Self::drop_expired) first.
    pub(super) fn evict(&mut self, window: Duration, now: Duration) -> Option<Duration> {
        let most = |order: &&mut Order<R>| (order.rows.len(), Reverse(order.distance(window)));
        let order = self.orders.iter_mut().max_by_key(most)?;
        let (key, row) = order.rows.pop_lru()?;
        let window = self.out_of_order.remove(&(row.expires(), key)).unwrap_or(order.window);
        let left = row.expires().saturating_sub(now);
        (!left.is_zero()).then(|| window.saturating_sub(left))
    }

    /// The order of this window. If there can be no more orders, that of the nearest window.
    fn order_for(&mut self, window: Duration) -> Option<&mut Order<R>> {
        if let Some(place) = self.orders.iter().position(|order| order.window == window) {
            return self.orders.get_mut(place);
        }
        // An empty order has its table already.
        if let Some(empty) = self.orders.iter_mut().find(|order| order.rows.is_empty()) {
            empty.window = window;
        } else if !self.orders.is_full() {
            self.orders.push(Order::new(window, self.room));
        }
        self.orders.iter_mut().min_by_key(|order| order.distance(window))
    }

    fn find(&self, key: Key) -> Option<&R> {
        self.orders.iter().find_map(|order| order.rows.peek(&key))
    }

    pub(super) fn remove(&mut self, key: Key) {
        if let Some(row) = self.orders.iter_mut().find_map(|order| order.rows.pop(&key)) {
            self.out_of_order.remove(&(row.expires(), key));
        }
    }
}

impl<R> Order<R> {
    /// Allocates for all rows that there can be, or the table would pause to grow.
    fn new(window: Duration, room: NonZeroUsize) -> Self {
        Self { window, latest: Duration::ZERO, rows: LruCache::new(room) }
    }

    fn distance(&self, window: Duration) -> Duration {
        self.window.abs_diff(window)
    }
}

#[cfg(test)]
mod tests;

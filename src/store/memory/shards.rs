use std::sync::PoisonError;

use super::keyed_hash::Key;
use crate::sync::{Mutex, MutexGuard};

/// A table in equal parts, each behind its own lock, so that threads seldom wait for each other.
pub(super) struct Shards<T> {
    parts: Box<[Mutex<T>]>,
}

const LEAST_PER_SHARD: usize = 16_384;
const MOST_SHARDS: usize = 64;

impl<T> Shards<T> {
    /// Divides the capacity. `part` makes one part with the given room.
    pub(super) fn new(capacity: usize, part: impl Fn(usize) -> T) -> Self {
        let wanted = (capacity / LEAST_PER_SHARD).clamp(1, MOST_SHARDS);
        let count = 1 << wanted.ilog2();
        let room = room_per_part(capacity, count);
        Self { parts: (0..count).map(|_| Mutex::new(part(room))).collect() }
    }

    /// The part where a uniformly distributed key belongs.
    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "parts are 1 to 64, and the lowest bits choose"
    )]
    pub(super) fn lock(&self, key: Key) -> MutexGuard<'_, T> {
        // The number of parts is a power of two.
        guard(&self.parts[key.high as usize % self.parts.len()])
    }

    pub(super) fn sum(&self, of: impl Fn(&T) -> usize) -> usize {
        self.parts.iter().map(|part| of(&guard(part))).sum()
    }
}

/// Parts do not fill evenly. With head room of six standard deviations, no part is full before
/// the whole is.
fn room_per_part(capacity: usize, count: usize) -> usize {
    let even = capacity.div_ceil(count);
    if count == 1 { even } else { even.saturating_add(even.isqrt().saturating_mul(6)) }
}

/// Ignores that a thread panicked with the lock: no change here can panic half-way.
fn guard<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

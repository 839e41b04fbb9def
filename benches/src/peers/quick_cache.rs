//! `quick_cache`: a cache that evicts. It has no expiry, so the value is the time from which an id is
//! new again.

use std::time::Instant;

use quick_cache::sync::{Cache, GuardResult};

use crate::peers::{Insert, RETENTION};

pub fn store(capacity: usize) -> Insert {
    let seen: Cache<String, Instant> = Cache::new(capacity);
    Box::new(move |id| {
        let now = Instant::now();
        match seen.get_value_or_guard(id, None) {
            GuardResult::Value(expiry) if now < expiry => false,
            GuardResult::Guard(guard) => guard.insert(now + RETENTION).is_ok(),
            _ => {
                seen.insert(id.to_owned(), now + RETENTION);
                true
            }
        }
    })
}

//! `moka`: a cache whose entries expire. When full it may decline a new id instead of evicting an old
//! one.

use moka::sync::Cache;

use crate::peers::{Insert, RETENTION};

pub fn store(capacity: usize) -> Insert {
    let builder = Cache::builder().max_capacity(capacity.try_into().expect("64 bits"));
    let seen: Cache<String, ()> = builder.time_to_live(RETENTION).build();
    Box::new(move |id| seen.entry_by_ref(id).or_insert(()).is_fresh())
}

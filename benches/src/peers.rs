//! What others have written: crates that verify signatures, and stores that could recognise repeats.

mod async_stripe;
mod dashmap;
mod idempotent;
mod lru_shards;
mod moka;
mod quick_cache;
mod standardwebhooks;
mod svix;
mod webhook_verify;

use std::hint::black_box;
use std::time::Duration;

use crate::deliveries::unix_seconds;
use crate::rounds::Contestant;

/// How long the stores remember an id.
const RETENTION: Duration = Duration::from_hours(24);

/// The crates that verify, each with this body, signed by the scheme of its sender at several times of
/// the last minutes.
///
/// # Panics
///
/// If the body is not UTF-8, which is all that async-stripe takes.
#[must_use]
pub fn verification(body: &[u8]) -> Vec<Contestant<'static>> {
    vec![
        svix::contestant(body),
        standardwebhooks::contestant(body),
        async_stripe::contestant(body),
        webhook_verify::contestant(body),
    ]
}

/// Remembers an id, and says whether it is new.
pub type Insert = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// A store that others have written.
pub struct Store {
    pub name: &'static str,
    /// Makes an empty one with room for this many ids.
    pub make: fn(usize) -> Insert,
}

/// The stores that others have written.
pub const STORES: [Store; 5] = [
    Store { name: "64 shards of `LruCache<u128, u64>`", make: lru_shards::store },
    Store { name: "moka", make: moka::store },
    Store { name: "quick_cache", make: quick_cache::store },
    Store { name: "dashmap (never evicts)", make: dashmap::store },
    Store { name: "idempotent 0.3", make: idempotent::store },
];

/// The times at which a peer signs its body. The processor would learn the digits of one signature.
fn times() -> impl Iterator<Item = i64> {
    let now = unix_seconds();
    (0..64).map(move |ago| now - ago)
}

/// A contestant that verifies these signatures in turn, and all of them must be genuine.
fn verifier<S: 'static>(
    name: &'static str,
    signatures: Vec<S>,
    verify: impl Fn(&S) -> bool + 'static,
) -> Contestant<'static> {
    Contestant::new(name, move |times| {
        for signature in signatures.iter().cycle().take(times as usize) {
            assert!(black_box(verify(signature)), "{name} refused a genuine signature");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_accepts_its_genuine_signature() {
        for mut contestant in verification(b"xxxx") {
            (contestant.run)(64);
        }
    }

    #[test]
    fn every_store_knows_an_id_that_came_before() {
        for Store { name, make } in STORES {
            let insert = make(1000);
            assert!(insert("evt_1") && insert("evt_2"), "{name}");
            assert!(!insert("evt_1") && !insert("evt_2"), "{name}");
        }
    }
}

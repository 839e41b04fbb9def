use std::time::Duration;

use lru::LruCache;

use super::keyed_hash::{Key, KeyAsHash};
use crate::store::{Claim, ClaimAnswer, Fingerprint, OwnerToken};

/// The records in flight of one shard, in the order in which their leases began.
pub(super) struct InFlight {
    leases: LruCache<Key, Lease, KeyAsHash>,
    /// No lease expires earlier than this.
    first_expiry: Duration,
}

/// A record in flight.
pub(super) struct Lease {
    pub(super) token: OwnerToken,
    pub(super) fingerprint: Fingerprint,
    pub(super) expires: Duration,
}

impl Lease {
    /// The answer to a claim. `None` if the claim may take the record over: it is the claim's own, or
    /// its lease has expired.
    pub(super) fn answer(&self, claim: &Claim, now: Duration) -> Option<ClaimAnswer> {
        if self.expires <= now {
            None
        } else if self.fingerprint != claim.fingerprint {
            Some(ClaimAnswer::Conflict)
        } else if self.token == claim.token {
            None
        } else {
            Some(ClaimAnswer::InFlight { lease: self.expires.saturating_sub(now) })
        }
    }
}

impl InFlight {
    pub(super) fn new() -> Self {
        let leases = LruCache::unbounded_with_hasher(KeyAsHash::default());
        Self { leases, first_expiry: Duration::MAX }
    }

    pub(super) fn len(&self) -> usize {
        self.leases.len()
    }

    /// The record of this key, also if its lease has expired.
    pub(super) fn get(&self, key: Key) -> Option<&Lease> {
        self.leases.peek(&key)
    }

    /// Starts a lease for the claim, or starts it anew.
    pub(super) fn hold(&mut self, key: Key, claim: &Claim, now: Duration) {
        let expires = now.saturating_add(claim.lease);
        self.first_expiry = self.first_expiry.min(expires);
        let lease = Lease { token: claim.token, fingerprint: claim.fingerprint, expires };
        self.leases.put(key, lease);
    }

    pub(super) fn remove(&mut self, key: Key) {
        self.leases.pop(&key);
    }

    /// Drops expired leases: at least one if any has expired. Returns whether any had. Leases of the
    /// same length expire in the order in which they began. Only if those at the head hold, another
    /// may have expired.
    pub(super) fn drop_expired(&mut self, now: Duration) -> bool {
        let before = self.len();
        for _ in 0..2 {
            if self.leases.peek_lru().is_some_and(|(_, lease)| lease.expires <= now) {
                self.leases.pop_lru();
            }
        }
        if self.len() == before && self.first_expiry <= now {
            self.leases.retain(|_, lease| lease.expires > now);
            let expiries = self.leases.iter().map(|(_, lease)| lease.expires);
            self.first_expiry = expiries.min().unwrap_or(Duration::MAX);
        }
        self.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeliveryId;
    use crate::store::Scope;

    const SECOND: Duration = Duration::from_secs(1);

    fn hold(in_flight: &mut InFlight, n: u32, lease: u32, now: u32) {
        let (scope, id) = (Scope::new("test").unwrap(), DeliveryId::new("id").unwrap());
        let mut claim = Claim::new(scope, id, Fingerprint::of(b""));
        claim.lease = SECOND * lease;
        in_flight.hold(key(n), &claim, SECOND * now);
    }

    fn key(n: u32) -> Key {
        Key { high: 0, low: n.into() }
    }

    fn held(in_flight: &InFlight) -> Vec<u32> {
        (0..10).filter(|n| in_flight.get(key(*n)).is_some()).collect()
    }

    #[test]
    fn expired_leases_are_dropped_two_at_a_time() {
        let mut in_flight = InFlight::new();
        (0..4).for_each(|n| hold(&mut in_flight, n, 30, n));
        in_flight.drop_expired(SECOND * 29);
        assert_eq!(held(&in_flight), [0, 1, 2, 3]);
        in_flight.drop_expired(SECOND * 32);
        assert_eq!(held(&in_flight), [2, 3]);
        in_flight.drop_expired(SECOND * 32);
        assert_eq!(held(&in_flight), [3]);
    }

    #[test]
    fn a_lease_that_was_renewed_expires_after_those_that_began_before() {
        let mut in_flight = InFlight::new();
        (0..3).for_each(|n| hold(&mut in_flight, n, 30, 0));
        hold(&mut in_flight, 0, 30, 10);
        in_flight.drop_expired(SECOND * 30);
        assert_eq!(held(&in_flight), [0]);
    }

    /// The oldest lease holds, and one behind it has expired.
    #[test]
    fn a_short_lease_behind_a_long_one_is_dropped() {
        let mut in_flight = InFlight::new();
        hold(&mut in_flight, 0, 60, 0);
        hold(&mut in_flight, 1, 5, 0);
        hold(&mut in_flight, 2, 30, 0);
        for (now, left) in [(4, vec![0, 1, 2]), (5, vec![0, 2]), (30, vec![0]), (60, vec![])] {
            in_flight.drop_expired(SECOND * now);
            assert_eq!(held(&in_flight), left);
        }
    }
}

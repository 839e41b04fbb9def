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

    /// Drops expired leases: at least one if any has expired. Leases of the same length expire in
    /// the order in which they began. Only if those at the head hold, another may have expired.
    pub(super) fn drop_expired(&mut self, now: Duration) {
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
    }
}

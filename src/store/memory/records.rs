use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::Evictions;
use super::shards::Key;
use crate::store::{Claim, ClaimAnswer, Completion, Fingerprint, OwnerToken, Renewal};

/// The records of one shard. Those in flight and those completed are in separate tables, so that
/// only a completed one can be evicted.
pub(super) struct Records {
    capacity: usize,
    in_flight: HashMap<Key, InFlight>,
    /// No lease expires earlier than this.
    first_expiry: Duration,
    completed: LruCache<Key, Completed>,
}

struct InFlight {
    token: OwnerToken,
    fingerprint: Fingerprint,
    expires: Duration,
}

/// 24 bytes: there may be millions.
struct Completed {
    fingerprint: [u8; 16],
    expires_millis: u64,
}

impl Records {
    pub(super) fn new(room: usize) -> Self {
        let capacity = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
        Self {
            capacity: capacity.get(),
            in_flight: HashMap::new(),
            first_expiry: Duration::MAX,
            completed: LruCache::new(capacity),
        }
    }

    /// `None` if there is no room, because all records are in flight.
    pub(super) fn claim(
        &mut self,
        key: Key,
        claim: &Claim,
        now: Duration,
        evictions: &Evictions,
    ) -> Option<ClaimAnswer> {
        if let Some(answer) = self.answer_of_record(key, claim, now) {
            return Some(answer);
        }
        // The claim's own record, or an expired one, is taken over and needs no more room.
        if !self.in_flight.contains_key(&key) && !self.make_room(claim, now, evictions) {
            return None;
        }
        self.hold(key, claim, now);
        Some(ClaimAnswer::Acquired)
    }

    pub(super) fn renew(&mut self, key: Key, claim: &Claim, now: Duration) -> Renewal {
        match self.in_flight.get(&key) {
            Some(held) if held.token == claim.token && held.expires > now => {
                self.hold(key, claim, now);
                Renewal::Renewed
            }
            _ => Renewal::Lost,
        }
    }

    fn hold(&mut self, key: Key, claim: &Claim, now: Duration) {
        let held = InFlight::new(claim, now);
        self.first_expiry = self.first_expiry.min(held.expires);
        self.in_flight.insert(key, held);
    }

    pub(super) fn complete(
        &mut self,
        key: Key,
        claim: &Claim,
        now: Duration,
        evictions: &Evictions,
    ) -> Completion {
        match self.in_flight.get(&key) {
            Some(held) if held.token != claim.token && held.expires > now => {
                return Completion::HeldByAnother;
            }
            _ => self.in_flight.remove(&key),
        };
        if self.live_completed(key, now).is_none() {
            // The lease expired and another record took the room.
            if self.is_full(now) {
                self.evict_least_recent(claim, now, evictions);
            }
            self.completed.put(key, Completed::new(claim, now));
        }
        Completion::Recorded
    }

    pub(super) fn release(&mut self, key: Key, claim: &Claim) {
        if self.in_flight.get(&key).is_some_and(|held| held.token == claim.token) {
            self.in_flight.remove(&key);
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn completed(&self) -> usize {
        self.completed.len()
    }

    /// The answer if there is a record that has not expired, except the claim's own.
    fn answer_of_record(&mut self, key: Key, claim: &Claim, now: Duration) -> Option<ClaimAnswer> {
        if let Some(held) = self.in_flight.get(&key).filter(|held| held.expires > now) {
            return if held.fingerprint != claim.fingerprint {
                Some(ClaimAnswer::Conflict)
            } else if held.token == claim.token {
                None
            } else {
                let lease = held.expires.saturating_sub(now);
                Some(ClaimAnswer::InFlight { lease })
            };
        }
        let completed = self.live_completed(key, now)?;
        if completed.fingerprint == claim.fingerprint.to_bytes() {
            self.completed.promote(&key);
            Some(ClaimAnswer::Completed)
        } else {
            Some(ClaimAnswer::Conflict)
        }
    }

    fn live_completed(&mut self, key: Key, now: Duration) -> Option<&Completed> {
        let expired = self.completed.peek(&key)?.expires_millis <= millis(now);
        if expired {
            self.completed.pop(&key);
        }
        self.completed.peek(&key)
    }

    /// Makes room for one record, and returns whether there is any.
    fn make_room(&mut self, claim: &Claim, now: Duration, evictions: &Evictions) -> bool {
        self.drop_expired_completions(now);
        if !self.is_full(now) {
            return true;
        }
        if self.in_flight.len() >= self.capacity {
            return false;
        }
        self.evict_least_recent(claim, now, evictions);
        true
    }

    /// Whether there is no room. Drops expired leases first: they count as no records.
    fn is_full(&mut self, now: Duration) -> bool {
        if self.len() >= self.capacity {
            self.drop_expired_leases(now);
        }
        self.len() >= self.capacity
    }

    fn len(&self) -> usize {
        self.in_flight.len().saturating_add(self.completed.len())
    }

    /// Walks over all leases, but only if one may have expired since the last walk.
    fn drop_expired_leases(&mut self, now: Duration) {
        if now < self.first_expiry {
            return;
        }
        self.in_flight.retain(|_, held| held.expires > now);
        let expiries = self.in_flight.values().map(|held| held.expires);
        self.first_expiry = expiries.min().unwrap_or(Duration::MAX);
    }

    /// Drops two at most, so that no single claim pays for many.
    fn drop_expired_completions(&mut self, now: Duration) {
        for _ in 0..2 {
            match self.completed.peek_lru() {
                Some((_, oldest)) if oldest.expires_millis <= millis(now) => {
                    self.completed.pop_lru()
                }
                _ => return,
            };
        }
    }

    fn evict_least_recent(&mut self, claim: &Claim, now: Duration, evictions: &Evictions) {
        if let Some((_, oldest)) = self.completed.pop_lru()
            && let left @ 1.. = oldest.expires_millis.saturating_sub(millis(now))
        {
            let left = Duration::from_millis(left);
            evictions.count(claim.retention.saturating_sub(left));
        }
    }
}

impl InFlight {
    fn new(claim: &Claim, now: Duration) -> Self {
        Self {
            token: claim.token,
            fingerprint: claim.fingerprint,
            expires: now.saturating_add(claim.lease),
        }
    }
}

impl Completed {
    fn new(claim: &Claim, now: Duration) -> Self {
        Self {
            fingerprint: claim.fingerprint.to_bytes(),
            expires_millis: millis(now.saturating_add(claim.retention)),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

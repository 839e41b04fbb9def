use std::collections::HashMap;
use std::time::Duration;

use super::Evictions;
use super::rows::{Row, Rows};
use super::shards::Key;
use crate::store::{Claim, ClaimAnswer, Completion, Fingerprint, OwnerToken, Renewal};

/// The records of one shard. Those in flight and those completed are in separate tables, so that
/// only a completed one can be evicted. The window of a completed record is its retention.
pub(super) struct Records {
    capacity: usize,
    in_flight: HashMap<Key, InFlight>,
    /// No lease expires earlier than this.
    first_expiry: Duration,
    completed: Rows<Completed>,
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
        Self {
            capacity: room,
            in_flight: HashMap::new(),
            first_expiry: Duration::MAX,
            completed: Rows::new(room),
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
        if self.completed.get_or_remove(key, now).is_none() {
            // The lease expired and another record took the room.
            if self.is_full(now) {
                self.completed.drop_expired(now);
            }
            if self.is_full(now) {
                self.evict(claim, now, evictions);
            }
            self.completed.insert(key, Completed::new(claim, now), claim.retention);
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
        let completed = self.completed.get_or_remove(key, now)?;
        if completed.fingerprint == claim.fingerprint.to_bytes() {
            self.completed.promote(key);
            Some(ClaimAnswer::Completed)
        } else {
            Some(ClaimAnswer::Conflict)
        }
    }

    /// Makes room for one record, and returns whether there is any.
    fn make_room(&mut self, claim: &Claim, now: Duration, evictions: &Evictions) -> bool {
        self.completed.drop_expired(now);
        if !self.is_full(now) {
            return true;
        }
        if self.in_flight.len() >= self.capacity {
            return false;
        }
        self.evict(claim, now, evictions);
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

    fn evict(&mut self, claim: &Claim, now: Duration, evictions: &Evictions) {
        if let Some(age) = self.completed.evict(claim.retention, now) {
            evictions.count(age);
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

impl Row for Completed {
    fn expires(&self) -> Duration {
        Duration::from_millis(self.expires_millis)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

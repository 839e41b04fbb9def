use std::time::Duration;

use super::Evictions;
use super::in_flight::InFlight;
use super::keyed_hash::Key;
use super::rows::Rows;
use super::time::{Millis, expiry, millis, present};
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};

/// The records of one shard. Those in flight and those completed are in separate tables, so that
/// only a completed one can be evicted. No key is in both.
pub(super) struct Records {
    capacity: usize,
    in_flight: InFlight,
    /// The fingerprints. The window of a completed record is its retention.
    completed: Rows<[u8; 16]>,
}

impl Records {
    pub(super) fn new(room: usize) -> Self {
        Self { capacity: room, in_flight: InFlight::new(), completed: Rows::new(room) }
    }

    /// `None` if there is no room, because all records are in flight.
    pub(super) fn claim(
        &mut self,
        key: Key,
        claim: &Claim,
        now: Duration,
        evictions: &Evictions,
    ) -> Option<ClaimAnswer> {
        let answer = match self.in_flight.get(key) {
            Some(held) => held.answer(claim, now),
            None => match self.answer_if_completed(key, claim, present(now)) {
                None if !self.make_room(claim, now, evictions) => return None,
                answer => answer,
            },
        };
        Some(answer.unwrap_or_else(|| {
            self.in_flight.hold(key, claim, now);
            ClaimAnswer::Acquired
        }))
    }

    pub(super) fn renew(&mut self, key: Key, claim: &Claim, now: Duration) -> Renewal {
        match self.in_flight.get(key) {
            Some(held) if held.token == claim.token && held.expires > now => {
                self.in_flight.hold(key, claim, now);
                Renewal::Renewed
            }
            _ => Renewal::Lost,
        }
    }

    pub(super) fn complete(
        &mut self,
        key: Key,
        claim: &Claim,
        now: Duration,
        evictions: &Evictions,
    ) -> Completion {
        match self.in_flight.get(key) {
            Some(held) if held.token != claim.token && held.expires > now => {
                return Completion::HeldByAnother;
            }
            Some(_) => self.in_flight.remove(key),
            None => {
                if self.is_completed(key, present(now)) {
                    return Completion::Recorded;
                }
            }
        }
        // If the lease expired, another record may have taken the room.
        if self.is_full(now) {
            self.completed.drop_expired(present(now), drop);
        }
        if self.is_full(now) {
            self.evict(claim, now, evictions);
        }
        let (window, expires) = (millis(claim.retention), expiry(now, claim.retention));
        self.completed.insert(key, claim.fingerprint.to_bytes(), expires, window);
        Completion::Recorded
    }

    pub(super) fn release(&mut self, key: Key, claim: &Claim) {
        if self.in_flight.get(key).is_some_and(|held| held.token == claim.token) {
            self.in_flight.remove(key);
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn completed(&self) -> usize {
        self.completed.len()
    }

    fn answer_if_completed(&mut self, key: Key, claim: &Claim, now: Millis) -> Option<ClaimAnswer> {
        let slot = self.completed.find(key)?;
        let Some(completed) = self.completed.live(slot, now) else {
            self.completed.remove(slot);
            return None;
        };
        if completed.value != claim.fingerprint.to_bytes() {
            return Some(ClaimAnswer::Conflict);
        }
        self.completed.promote(slot);
        Some(ClaimAnswer::Completed)
    }

    /// Whether there is a completed record. Removes one that has expired.
    fn is_completed(&mut self, key: Key, now: Millis) -> bool {
        let Some(slot) = self.completed.find(key) else { return false };
        let is_live = self.completed.live(slot, now).is_some();
        if !is_live {
            self.completed.remove(slot);
        }
        is_live
    }

    /// Makes room for one record, and returns whether there is any.
    fn make_room(&mut self, claim: &Claim, now: Duration, evictions: &Evictions) -> bool {
        self.completed.drop_expired(present(now), drop);
        if !self.is_full(now) {
            return true;
        }
        if self.in_flight.len() >= self.capacity {
            return false;
        }
        self.evict(claim, now, evictions);
        true
    }

    /// Whether there is no room. Drops expired leases first: they count as no records. More than one
    /// has to go if a completion that came late took the room of another record.
    fn is_full(&mut self, now: Duration) -> bool {
        while self.len() >= self.capacity && self.in_flight.drop_expired(now) {}
        self.len() >= self.capacity
    }

    fn len(&self) -> usize {
        self.in_flight.len().saturating_add(self.completed.len())
    }

    fn evict(&mut self, claim: &Claim, now: Duration, evictions: &Evictions) {
        let evicted = self.completed.evict(millis(claim.retention), present(now));
        if let Some(age) = evicted.and_then(|evicted| evicted.age) {
            evictions.count(age);
        }
    }
}

#[cfg(test)]
mod tests;

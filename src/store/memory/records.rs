use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::Forgotten;
use super::shards::Key;
use crate::store::{Claim, ClaimAnswer, Completion, Fingerprint, OwnerToken, Renewal};

/// The records of one shard. In flight and completed ones live apart, so that
/// making room can only ever forget a completed one.
pub(super) struct Records {
    capacity: usize,
    in_flight: HashMap<Key, InFlight>,
    /// Nothing in flight has lapsed before.
    first_lapse: Duration,
    completed: LruCache<Key, Completed>,
}

struct InFlight {
    token: OwnerToken,
    fingerprint: Fingerprint,
    lapses: Duration,
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
            first_lapse: Duration::MAX,
            completed: LruCache::new(capacity),
        }
    }

    /// `None` if there is no room, for all of it is in flight.
    pub(super) fn claim(
        &mut self,
        key: Key,
        claim: &Claim,
        now: Duration,
        forgotten: &Forgotten,
    ) -> Option<ClaimAnswer> {
        if let Some(answer) = self.standing(key, claim, now) {
            return Some(answer);
        }
        // Its own record, or one that lapsed, is taken over where it stands.
        if !self.in_flight.contains_key(&key) && !self.make_room(claim, now, forgotten) {
            return None;
        }
        self.hold(key, claim, now);
        Some(ClaimAnswer::Acquired)
    }

    pub(super) fn renew(&mut self, key: Key, claim: &Claim, now: Duration) -> Renewal {
        match self.in_flight.get(&key) {
            Some(held) if held.token == claim.token && held.lapses > now => {
                self.hold(key, claim, now);
                Renewal::Renewed
            }
            _ => Renewal::Lost,
        }
    }

    fn hold(&mut self, key: Key, claim: &Claim, now: Duration) {
        let held = InFlight::new(claim, now);
        self.first_lapse = self.first_lapse.min(held.lapses);
        self.in_flight.insert(key, held);
    }

    pub(super) fn complete(
        &mut self,
        key: Key,
        claim: &Claim,
        now: Duration,
        forgotten: &Forgotten,
    ) -> Completion {
        match self.in_flight.get(&key) {
            Some(held) if held.token != claim.token && held.lapses > now => {
                return Completion::HeldByAnother;
            }
            _ => self.in_flight.remove(&key),
        };
        if self.live_completed(key, now).is_none() {
            // The lease lapsed and the room was given away: make it again.
            if self.is_full(now) {
                self.forget_least_recent(claim, now, forgotten);
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

    /// The answer of a live record, if there is one that is not the claimer's own.
    fn standing(&mut self, key: Key, claim: &Claim, now: Duration) -> Option<ClaimAnswer> {
        if let Some(held) = self.in_flight.get(&key).filter(|held| held.lapses > now) {
            return if held.fingerprint != claim.fingerprint {
                Some(ClaimAnswer::Conflict)
            } else if held.token == claim.token {
                None
            } else {
                let lease = held.lapses.saturating_sub(now);
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

    /// Returns whether there is room now.
    fn make_room(&mut self, claim: &Claim, now: Duration, forgotten: &Forgotten) -> bool {
        self.drop_expired(now);
        if !self.is_full(now) {
            return true;
        }
        if self.in_flight.len() >= self.capacity {
            return false;
        }
        self.forget_least_recent(claim, now, forgotten);
        true
    }

    /// Of records: what has lapsed is none any more, and goes first.
    fn is_full(&mut self, now: Duration) -> bool {
        if self.len() >= self.capacity {
            self.drop_lapsed(now);
        }
        self.len() >= self.capacity
    }

    fn len(&self) -> usize {
        self.in_flight.len().saturating_add(self.completed.len())
    }

    /// Looks at all of them only when one may have lapsed since it last did.
    fn drop_lapsed(&mut self, now: Duration) {
        if now < self.first_lapse {
            return;
        }
        self.in_flight.retain(|_, held| held.lapses > now);
        let lapses = self.in_flight.values().map(|held| held.lapses);
        self.first_lapse = lapses.min().unwrap_or(Duration::MAX);
    }

    /// Two at most, so that no single claim pays for many.
    fn drop_expired(&mut self, now: Duration) {
        for _ in 0..2 {
            match self.completed.peek_lru() {
                Some((_, oldest)) if oldest.expires_millis <= millis(now) => {
                    self.completed.pop_lru()
                }
                _ => return,
            };
        }
    }

    fn forget_least_recent(&mut self, claim: &Claim, now: Duration, forgotten: &Forgotten) {
        if let Some((_, oldest)) = self.completed.pop_lru()
            && let left @ 1.. = oldest.expires_millis.saturating_sub(millis(now))
        {
            let left = Duration::from_millis(left);
            forgotten.record(claim.retention.saturating_sub(left));
        }
    }
}

impl InFlight {
    fn new(claim: &Claim, now: Duration) -> Self {
        Self {
            token: claim.token,
            fingerprint: claim.fingerprint,
            lapses: now.saturating_add(claim.lease),
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

use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::Evictions;
use super::shards::Key;
use crate::DeliveryId;
use crate::store::Claim;

/// The replay records of one shard: the id that signed bytes first came with. The oldest is
/// evicted first.
pub(super) struct Replays {
    by_key: LruCache<Key, Replay>,
}

struct Replay {
    first_id: DeliveryId,
    expires: Duration,
}

impl Replays {
    pub(super) fn new(room: usize) -> Self {
        let room = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
        Self { by_key: LruCache::new(room) }
    }

    /// The id that one of the keys first came with, unless another of them came with `own`.
    pub(super) fn other_id(
        &self,
        keys: impl Iterator<Item = Key>,
        own: &DeliveryId,
        now: Duration,
    ) -> Option<DeliveryId> {
        let mut ids = keys.filter_map(|key| self.live(key, now));
        let first = ids.next()?;
        let own_is_known = first == own || ids.any(|id| id == own);
        (!own_is_known).then(|| first.clone())
    }

    /// Records the claim's id for the keys that have no replay record.
    pub(super) fn record(
        &mut self,
        keys: impl Iterator<Item = Key>,
        claim: &Claim,
        now: Duration,
        evictions: &Evictions,
    ) {
        self.drop_expired(now);
        for key in keys {
            if self.live(key, now).is_some() {
                continue;
            }
            let expires = now.saturating_add(claim.replay_window);
            let replay = Replay { first_id: claim.id.clone(), expires };
            if let Some((_, evicted)) = self.by_key.push(key, replay)
                && evicted.expires > now
            {
                let left = evicted.expires.saturating_sub(now);
                evictions.count(claim.replay_window.saturating_sub(left));
            }
        }
    }

    fn live(&self, key: Key, now: Duration) -> Option<&DeliveryId> {
        let replay = self.by_key.peek(&key)?;
        (replay.expires > now).then_some(&replay.first_id)
    }

    /// Drops two at most, so that no single claim pays for many.
    fn drop_expired(&mut self, now: Duration) {
        for _ in 0..2 {
            match self.by_key.peek_lru() {
                Some((_, oldest)) if oldest.expires <= now => self.by_key.pop_lru(),
                _ => return,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Scope};

    const WINDOW: Duration = Duration::from_secs(660);

    fn record(replays: &mut Replays, keys: &[u8], now: Duration, evictions: &Evictions) {
        let (scope, id) = (Scope::new("test").unwrap(), DeliveryId::new("id").unwrap());
        let mut claim = Claim::new(scope, id, Fingerprint::of(b""));
        claim.replay_window = WINDOW;
        let keys = keys.iter().map(|key| Key([*key; 16]));
        replays.record(keys, &claim, now, evictions);
    }

    #[test]
    fn expired_replay_records_are_dropped_two_at_a_time() {
        let (mut replays, evictions) = (Replays::new(10), Evictions::default());
        record(&mut replays, &[1, 2, 3], Duration::ZERO, &evictions);
        record(&mut replays, &[], WINDOW, &evictions);
        assert_eq!(replays.by_key.len(), 1);
        assert_eq!(evictions.stats().evicted, 0);
    }

    #[test]
    fn only_replay_records_that_had_not_expired_count_as_evicted() {
        let (mut replays, evictions) = (Replays::new(3), Evictions::default());
        record(&mut replays, &[1, 2, 3], Duration::ZERO, &evictions);
        // Two are dropped as expired, and the third makes room at the moment it expires.
        record(&mut replays, &[4, 5, 6], WINDOW, &evictions);
        assert_eq!(evictions.stats().evicted, 0);
        let age = Duration::from_secs(7);
        record(&mut replays, &[7], WINDOW.saturating_add(age), &evictions);
        assert_eq!(evictions.stats().evicted, 1);
        assert_eq!(evictions.stats().youngest_evicted, Some(age));
    }
}

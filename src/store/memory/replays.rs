use std::time::Duration;

use super::Evictions;
use super::first_id::{FirstId, Texts};
use super::keyed_hash::Key;
use super::rows::Rows;
use super::time::{Millis, expiry, millis, present};
use crate::DeliveryId;
use crate::store::Claim;

/// The replay records of one shard: the id that signed bytes first came with. Of each replay
/// window, the oldest is evicted first.
pub(super) struct Replays {
    rows: Rows<FirstId>,
    texts: Texts,
}

impl Replays {
    pub(super) fn new(room: usize) -> Self {
        Self { rows: Rows::new(room), texts: Texts::new() }
    }

    /// The id that one of the keys first came with, unless another of them came with `own`.
    pub(super) fn other_id(
        &self,
        keys: impl Iterator<Item = Key>,
        own: &DeliveryId,
        now: Duration,
    ) -> Option<DeliveryId> {
        let now = present(now);
        let mut ids =
            keys.filter_map(|key| self.rows.live(self.rows.find(key)?, now)).map(|row| row.value);
        let first = ids.next()?;
        let own_is_known = self.texts.is(first, own) || ids.any(|id| self.texts.is(id, own));
        if own_is_known { None } else { self.texts.read(first) }
    }

    /// Records the claim's id for the keys that have no replay record. If the claim was acquired,
    /// the replay records that name its id already are kept for the replay window from now on.
    pub(super) fn record(
        &mut self,
        keys: impl Iterator<Item = Key>,
        claim: &Claim,
        is_acquired: bool,
        now: Duration,
        evictions: &Evictions,
    ) {
        let (window, expires) = (millis(claim.replay_window), expiry(now, claim.replay_window));
        let now = present(now);
        self.drop_expired(now);
        for key in keys {
            if let Some(slot) = self.rows.find(key) {
                if let Some(row) = self.rows.live(slot, now)
                    && !(is_acquired
                        && row.expires.millis() < expires
                        && self.texts.is(row.value, &claim.id))
                {
                    continue;
                }
                if let Some(id) = self.rows.remove(slot) {
                    self.texts.forget(id);
                }
            }
            self.make_room(window, now, evictions);
            let first_id = self.texts.keep(&claim.id);
            self.rows.insert(key, first_id, expires, window);
        }
    }

    fn make_room(&mut self, window: Millis, now: Millis, evictions: &Evictions) {
        if self.rows.is_full() {
            self.drop_expired(now);
        }
        if self.rows.is_full()
            && let Some(evicted) = self.rows.evict(window, now)
        {
            self.texts.forget(evicted.value);
            if let Some(age) = evicted.age {
                evictions.count(age);
            }
        }
    }

    fn drop_expired(&mut self, now: Millis) {
        self.rows.drop_expired(now, |id| self.texts.forget(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Scope};

    const WINDOW: Duration = Duration::from_secs(660);

    fn place(key: u8) -> Key {
        Key { high: key.into(), low: key.into() }
    }

    const DAYS: Duration = Duration::from_secs(3 * 24 * 3600);

    fn record(replays: &mut Replays, keys: &[u8], now: Duration, evictions: &Evictions) {
        record_for(WINDOW, replays, keys, now, evictions);
    }

    fn record_for(
        window: Duration,
        replays: &mut Replays,
        keys: &[u8],
        now: Duration,
        evictions: &Evictions,
    ) {
        let (scope, id) = (Scope::new("test").unwrap(), DeliveryId::new("id").unwrap());
        let mut claim = Claim::new(scope, id, Fingerprint::of(b""));
        claim.replay_window = window;
        let keys = keys.iter().map(|key| place(*key));
        replays.record(keys, &claim, true, now, evictions);
    }

    fn is_known(replays: &Replays, key: u8, now: Duration) -> bool {
        let other = DeliveryId::new("other").unwrap();
        replays.other_id([place(key)].into_iter(), &other, now).is_some()
    }

    #[test]
    fn expired_replay_records_are_dropped_two_at_a_time() {
        let (mut replays, evictions) = (Replays::new(10), Evictions::default());
        record(&mut replays, &[1, 2, 3], Duration::ZERO, &evictions);
        record(&mut replays, &[4], WINDOW, &evictions);
        assert_eq!(replays.rows.len(), 2);
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

    #[test]
    fn expired_replay_records_behind_a_longer_window_are_dropped() {
        let (mut replays, evictions) = (Replays::new(10), Evictions::default());
        record_for(DAYS, &mut replays, &[0], Duration::ZERO, &evictions);
        record(&mut replays, &[1, 2], Duration::ZERO, &evictions);
        record(&mut replays, &[3], WINDOW, &evictions);
        assert_eq!(replays.rows.len(), 2);
        assert!(is_known(&replays, 0, WINDOW) && is_known(&replays, 3, WINDOW));
    }

    #[test]
    fn a_claim_of_many_keys_evicts_nothing_while_an_expired_record_is_there() {
        let (mut replays, evictions) = (Replays::new(7), Evictions::default());
        record_for(DAYS, &mut replays, &[0, 1, 2, 3], Duration::ZERO, &evictions);
        record(&mut replays, &[4, 5, 6], Duration::ZERO, &evictions);
        record_for(DAYS, &mut replays, &[7, 8, 9], WINDOW, &evictions);
        assert_eq!((replays.rows.len(), evictions.stats().evicted), (7, 0));
        assert!([0, 1, 2, 3, 7, 8, 9].iter().all(|key| is_known(&replays, *key, WINDOW)));
    }

    #[test]
    fn many_replay_records_of_one_window_evict_none_of_another_within_its_part() {
        for (few, many) in [(DAYS, WINDOW), (WINDOW, DAYS)] {
            let (mut replays, evictions) = (Replays::new(10), Evictions::default());
            record_for(few, &mut replays, &[0, 1, 2, 3, 4], Duration::ZERO, &evictions);
            for key in 5..100 {
                record_for(many, &mut replays, &[key], Duration::ZERO, &evictions);
            }
            assert!((0..5).all(|key| is_known(&replays, key, Duration::ZERO)));
            assert_eq!((replays.rows.len(), evictions.stats().evicted), (10, 90));
        }
    }

    /// A sender's window may change while a signature is remembered. The longer one counts.
    #[test]
    fn a_claim_that_is_acquired_never_shortens_a_replay_record() {
        for (first, second) in [(DAYS, WINDOW), (WINDOW, DAYS)] {
            let (mut replays, evictions) = (Replays::new(10), Evictions::default());
            record_for(first, &mut replays, &[1], Duration::ZERO, &evictions);
            record_for(second, &mut replays, &[1], Duration::ZERO, &evictions);
            assert_eq!(replays.rows.len(), 1);
            let last = DAYS.saturating_sub(Duration::from_millis(1));
            assert!(is_known(&replays, 1, last) && !is_known(&replays, 1, DAYS));
            record_for(second, &mut replays, &[1], DAYS, &evictions);
            assert!(is_known(&replays, 1, DAYS) && replays.rows.len() == 1);
            assert!(!is_known(&replays, 1, DAYS.saturating_add(second)));
        }
    }

    /// A repeat that is not acquired extends nothing, nor does a claim under another id.
    #[test]
    fn only_a_claim_that_is_acquired_extends_a_replay_record() {
        let (mut replays, evictions) = (Replays::new(10), Evictions::default());
        record(&mut replays, &[1], Duration::ZERO, &evictions);
        let half = WINDOW.div_f32(2.0);
        let claim = |id: &str| {
            let (scope, id) = (Scope::new("test").unwrap(), DeliveryId::new(id).unwrap());
            Claim::new(scope, id, Fingerprint::of(b""))
        };
        let keys = || [place(1)].into_iter();
        replays.record(keys(), &claim("id"), false, half, &evictions);
        replays.record(keys(), &claim("other"), true, half, &evictions);
        assert!(replays.other_id(keys(), &DeliveryId::new("x").unwrap(), WINDOW).is_none());
        record(&mut replays, &[1], Duration::ZERO, &evictions);
        replays.record(keys(), &claim("id"), true, half, &evictions);
        assert!(is_known(&replays, 1, WINDOW));
    }
}

use std::time::Duration;

use super::Evictions;
use super::rows::{Row, Rows};
use super::shards::Key;
use crate::DeliveryId;
use crate::store::Claim;

/// The replay records of one shard: the id that signed bytes first came with. Of each replay
/// window, the oldest is evicted first.
pub(super) struct Replays {
    rows: Rows<Replay>,
}

struct Replay {
    first_id: DeliveryId,
    expires: Duration,
}

impl Replays {
    pub(super) fn new(room: usize) -> Self {
        Self { rows: Rows::new(room) }
    }

    /// The id that one of the keys first came with, unless another of them came with `own`.
    pub(super) fn other_id(
        &self,
        keys: impl Iterator<Item = Key>,
        own: &DeliveryId,
        now: Duration,
    ) -> Option<DeliveryId> {
        let mut ids = keys.filter_map(|key| self.rows.get(key, now)).map(|row| &row.first_id);
        let first = ids.next()?;
        let own_is_known = first == own || ids.any(|id| id == own);
        (!own_is_known).then(|| first.clone())
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
        self.rows.drop_expired(now);
        let expires = now.saturating_add(claim.replay_window);
        for key in keys {
            if let Some(known) = self.rows.get_or_remove(key, now) {
                if !is_acquired || known.first_id != claim.id || known.expires >= expires {
                    continue;
                }
                self.rows.remove(key);
            }
            self.make_room(claim, now, evictions);
            let replay = Replay { first_id: claim.id.clone(), expires };
            self.rows.insert(key, replay, claim.replay_window);
        }
    }

    fn make_room(&mut self, claim: &Claim, now: Duration, evictions: &Evictions) {
        if self.rows.is_full() {
            self.rows.drop_expired(now);
        }
        if self.rows.is_full()
            && let Some(age) = self.rows.evict(claim.replay_window, now)
        {
            evictions.count(age);
        }
    }
}

impl Row for Replay {
    fn expires(&self) -> Duration {
        self.expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fingerprint, Scope};

    const WINDOW: Duration = Duration::from_secs(660);

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
        let keys = keys.iter().map(|key| Key([*key; 16]));
        replays.record(keys, &claim, true, now, evictions);
    }

    fn is_known(replays: &Replays, key: u8, now: Duration) -> bool {
        let other = DeliveryId::new("other").unwrap();
        replays.other_id([Key([key; 16])].into_iter(), &other, now).is_some()
    }

    #[test]
    fn expired_replay_records_are_dropped_two_at_a_time() {
        let (mut replays, evictions) = (Replays::new(10), Evictions::default());
        record(&mut replays, &[1, 2, 3], Duration::ZERO, &evictions);
        record(&mut replays, &[], WINDOW, &evictions);
        assert_eq!(replays.rows.len(), 1);
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
        // A claim without replay keys does it as well.
        record(&mut replays, &[], WINDOW, &evictions);
        assert_eq!(replays.rows.len(), 1);
        assert!(is_known(&replays, 0, WINDOW));
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
        let keys = || [Key([1; 16])].into_iter();
        replays.record(keys(), &claim("id"), false, half, &evictions);
        replays.record(keys(), &claim("other"), true, half, &evictions);
        assert!(replays.other_id(keys(), &DeliveryId::new("x").unwrap(), WINDOW).is_none());
        record(&mut replays, &[1], Duration::ZERO, &evictions);
        replays.record(keys(), &claim("id"), true, half, &evictions);
        assert!(is_known(&replays, 1, WINDOW));
    }
}

use super::*;
use crate::DeliveryId;
use crate::store::Fingerprint;
use crate::store::Scope;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn key(n: u8) -> Key {
    Key { high: n.into(), low: n.into() }
}

fn claim(n: u8, retention: Duration) -> Claim {
    let (scope, id) = (Scope::new("test").unwrap(), DeliveryId::new(n.to_string()).unwrap());
    let mut claim = Claim::new(scope, id, Fingerprint::of(b""));
    claim.retention = retention;
    claim
}

/// A table, the evictions it counted, and the time.
struct Table {
    records: Records,
    evictions: Evictions,
    now: Duration,
}

impl Table {
    fn new(room: usize) -> Self {
        let (records, evictions) = (Records::new(room), Evictions::default());
        Self { records, evictions, now: Duration::ZERO }
    }

    fn claim(&mut self, n: u8, retention: Duration) -> Option<ClaimAnswer> {
        let claim = claim(n, retention);
        self.records.claim(key(n), &claim, self.now, &self.evictions)
    }

    /// Without a claim, as after a lease that expired.
    fn complete(&mut self, n: u8, retention: Duration) {
        let claim = claim(n, retention);
        let recorded = self.records.complete(key(n), &claim, self.now, &self.evictions);
        assert_eq!(recorded, Completion::Recorded);
    }

    fn evicted(&self) -> u64 {
        self.evictions.stats().evicted
    }
}

#[test]
fn many_records_of_one_retention_evict_none_of_another_within_its_part() {
    for (few, many) in [(3 * DAY, DAY), (DAY, 3 * DAY)] {
        let mut table = Table::new(10);
        (0..5).for_each(|n| table.complete(n, few));
        (5..100).for_each(|n| table.complete(n, many));
        assert_eq!((table.evicted(), table.records.completed()), (90, 10));
        for n in 0..5 {
            assert_eq!(table.claim(n, few), Some(ClaimAnswer::Completed));
        }
    }
}

/// Each claim takes the room of one completed record, and those with the other retention stay.
#[test]
fn claims_evict_from_the_retention_with_the_most_records() {
    let mut table = Table::new(10);
    (0..3).for_each(|n| table.complete(n, 3 * DAY));
    (3..10).for_each(|n| table.complete(n, DAY));
    for n in 10..14 {
        assert_eq!(table.claim(n, DAY), Some(ClaimAnswer::Acquired));
    }
    for n in [0, 1, 2, 7, 8, 9] {
        assert_eq!(table.claim(n, DAY), Some(ClaimAnswer::Completed));
    }
    assert_eq!(table.evicted(), 4);
}

#[test]
fn a_late_completion_evicts_nothing_while_an_expired_record_is_there() {
    let mut table = Table::new(3);
    table.complete(0, DAY);
    table.complete(1, 7 * DAY);
    table.complete(2, 7 * DAY);
    table.now = DAY;
    table.complete(3, 7 * DAY);
    assert_eq!((table.evicted(), table.records.completed()), (0, 3));
}

#[test]
fn expired_records_behind_a_longer_retention_are_dropped() {
    let mut table = Table::new(10);
    table.complete(0, 7 * DAY);
    (1..=2).for_each(|n| table.complete(n, DAY));
    table.now = DAY;
    assert_eq!(table.claim(3, DAY), Some(ClaimAnswer::Acquired));
    assert_eq!(table.records.completed(), 1);
}

#[test]
fn a_record_is_found_whatever_the_retention_of_the_claim() {
    let mut table = Table::new(10);
    table.complete(0, 3 * DAY);
    assert_eq!(table.claim(0, DAY), Some(ClaimAnswer::Completed));
    table.now = 3 * DAY;
    assert_eq!(table.claim(0, DAY), Some(ClaimAnswer::Acquired));
    // The lease expires, so that a claim with another token may complete.
    table.now += DAY;
    table.complete(0, DAY);
    assert_eq!((table.records.in_flight(), table.records.completed()), (0, 1));
    table.now += DAY;
    assert_eq!(table.claim(0, DAY), Some(ClaimAnswer::Acquired));
}

/// Not that of the claim which makes room.
#[test]
fn the_age_of_an_evicted_record_is_measured_by_its_own_retention() {
    let mut table = Table::new(2);
    table.complete(0, 7 * DAY);
    table.complete(1, 7 * DAY);
    table.now = DAY;
    table.complete(2, 3 * DAY);
    assert_eq!(table.evictions.stats().youngest_evicted, Some(DAY));
}

/// A completion that came late may have taken the room of a lease that expired only later.
#[test]
fn no_completed_record_is_evicted_while_a_lease_has_expired() {
    let mut table = Table::new(3);
    for (n, lease) in [(0, 5), (1, 60), (2, 5)] {
        let mut claim = claim(n, DAY);
        claim.lease = Duration::from_secs(lease);
        let answer = table.records.claim(key(n), &claim, table.now, &table.evictions);
        assert_eq!(answer, Some(ClaimAnswer::Acquired));
    }
    table.complete(3, DAY);
    table.now = Duration::from_secs(10);
    assert_eq!(table.claim(4, DAY), Some(ClaimAnswer::Acquired));
    assert_eq!((table.evicted(), table.records.completed(), table.records.in_flight()), (0, 1, 2));
}

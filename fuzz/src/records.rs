//! The records that a store must keep, as plain lists.

use std::time::Duration;

use nevent_webhooks::DeliveryId;
use nevent_webhooks::store::{Claim, ClaimAnswer, Fingerprint, OwnerToken, RecordKind};

#[derive(Debug, Clone)]
struct Record {
    key: (String, RecordKind, String),
    body: Fingerprint,
    /// `None` once completed.
    owner: Option<OwnerToken>,
    until: Duration,
}

#[derive(Debug)]
struct Replay {
    scope: String,
    key: [u8; 16],
    id: DeliveryId,
    until: Duration,
}

/// The caller passes the time, and nothing is evicted. For a store that evicts, `claimed` has the
/// promises that still hold.
#[derive(Debug, Default)]
pub struct Records {
    records: Vec<Record>,
    replays: Vec<Replay>,
}

fn place(claim: &Claim) -> (String, RecordKind, String) {
    (claim.scope.as_str().to_owned(), claim.kind, claim.id.as_str().to_owned())
}

impl Records {
    /// Drops expired rows. To be called before every other method.
    pub fn drop_expired(&mut self, now: Duration) {
        self.records.retain(|record| record.until > now);
        self.replays.retain(|replay| replay.until > now);
    }

    /// How many hold a lease.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.records.iter().filter(|record| record.owner.is_some()).count()
    }

    fn record(&mut self, claim: &Claim) -> Option<&mut Record> {
        let key = place(claim);
        self.records.iter_mut().find(|record| record.key == key)
    }

    /// What the store must answer if it has room.
    pub fn claim(&mut self, claim: &Claim, now: Duration) -> ClaimAnswer {
        let ids = self.first_ids(claim);
        if let Some(first) = ids.first()
            && !ids.contains(&claim.id)
        {
            return ClaimAnswer::ReplayOf(first.clone());
        }
        let answer = match self.record(claim) {
            Some(record) if record.body != claim.fingerprint => return ClaimAnswer::Conflict,
            Some(Record { owner: None, .. }) => ClaimAnswer::Completed,
            Some(Record { owner, until, .. }) if *owner != Some(claim.token) => {
                ClaimAnswer::InFlight { lease: until.saturating_sub(now) }
            }
            _ => ClaimAnswer::Acquired,
        };
        if answer == ClaimAnswer::Acquired {
            self.put(claim, Some(claim.token), now + claim.lease);
        }
        self.record_replays(claim, answer == ClaimAnswer::Acquired, now);
        answer
    }

    /// Checks the promises that hold although the store may have evicted records: it reports no
    /// record that never was, and gives no delivery in flight to another token.
    ///
    /// # Panics
    ///
    /// If it does not hold.
    pub fn claimed(&mut self, claim: &Claim, answer: &ClaimAnswer, now: Duration) {
        let firsts = self.first_ids(claim);
        let record = self.record(claim).cloned();
        match answer {
            ClaimAnswer::ReplayOf(id) => assert!(firsts.contains(id) && *id != claim.id),
            ClaimAnswer::Conflict => panic!("each id has one body"),
            ClaimAnswer::Completed => assert!(record.unwrap().owner.is_none()),
            ClaimAnswer::InFlight { .. } => {
                assert!(record.unwrap().owner.is_some_and(|owner| owner != claim.token));
            }
            ClaimAnswer::Acquired => {
                let owner = record.and_then(|record| record.owner);
                assert!(owner.is_none_or(|owner| owner == claim.token));
                self.put(claim, Some(claim.token), now + claim.lease);
            }
        }
        if !matches!(answer, ClaimAnswer::ReplayOf(_)) {
            self.record_replays(claim, *answer == ClaimAnswer::Acquired, now);
        }
    }

    /// Whether it is renewed.
    pub fn renew(&mut self, claim: &Claim, now: Duration) -> bool {
        match self.record(claim) {
            Some(record) if record.owner == Some(claim.token) => {
                // The claim says it all anew.
                record.until = now + claim.lease;
                record.body = claim.fingerprint;
                true
            }
            _ => false,
        }
    }

    /// Whether the completion is recorded. A store with `ample` room has evicted nothing.
    pub fn complete(&mut self, claim: &Claim, now: Duration, ample: bool) -> bool {
        match self.record(claim) {
            Some(Record { owner: Some(owner), .. }) if *owner != claim.token => return false,
            Some(Record { owner: None, .. }) if ample => {}
            // The record may have been evicted, and is recorded anew.
            _ => self.put(claim, None, now + claim.retention),
        }
        true
    }

    /// Nothing, unless the claim holds the record.
    pub fn release(&mut self, claim: &Claim) {
        let key = place(claim);
        self.records.retain(|r| r.key != key || r.owner != Some(claim.token));
    }

    fn put(&mut self, claim: &Claim, owner: Option<OwnerToken>, until: Duration) {
        let key = place(claim);
        self.records.retain(|record| record.key != key);
        self.records.push(Record { key, body: claim.fingerprint, owner, until });
    }

    /// In the order of the claim's keys.
    fn first_ids(&self, claim: &Claim) -> Vec<DeliveryId> {
        let keys = claim.replay_keys.iter().map(|key| key.to_bytes());
        keys.filter_map(|key| {
            let of = |b: &&Replay| b.key == key && b.scope == claim.scope.as_str();
            self.replays.iter().find(of).map(|replay| replay.id.clone())
        })
        .collect()
    }

    /// Records the keys that have no replay record. A claim that is acquired extends those of its id.
    fn record_replays(&mut self, claim: &Claim, is_acquired: bool, now: Duration) {
        let until = now + claim.replay_window;
        for key in &claim.replay_keys {
            let (key, scope) = (key.to_bytes(), claim.scope.as_str().to_owned());
            match self.replays.iter_mut().find(|b| b.key == key && b.scope == scope) {
                None => self.replays.push(Replay { scope, key, id: claim.id.clone(), until }),
                Some(known) if is_acquired && known.id == claim.id => {
                    known.until = known.until.max(until);
                }
                Some(_) => {}
            }
        }
    }
}

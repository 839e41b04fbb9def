//! What a store must remember, as plain lists.

use std::time::Duration;

use nevent_webhooks::DeliveryId;
use nevent_webhooks::store::{Claim, ClaimAnswer, Fingerprint, OwnerToken};

#[derive(Debug, Clone)]
struct Record {
    key: (String, String),
    body: Fingerprint,
    /// `None` once completed.
    owner: Option<OwnerToken>,
    until: Duration,
}

#[derive(Debug)]
struct Binding {
    scope: String,
    key: [u8; 16],
    id: DeliveryId,
    until: Duration,
}

/// Time is told, and nothing goes for want of room. (Of a store without ample room,
/// `claimed` says what holds all the same.)
#[derive(Debug, Default)]
pub struct Records {
    records: Vec<Record>,
    bindings: Vec<Binding>,
}

fn place(claim: &Claim) -> (String, String) {
    (claim.scope.as_str().to_owned(), claim.id.as_str().to_owned())
}

impl Records {
    /// To be called before anything else is asked.
    pub fn forget_what_has_passed(&mut self, now: Duration) {
        self.records.retain(|record| record.until > now);
        self.bindings.retain(|binding| binding.until > now);
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
        let ids = self.bound_ids(claim);
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
        self.bind(claim, now);
        answer
    }

    /// What holds although records and bindings may have been forgotten: nobody is told
    /// of one that never was, and none in flight is given away.
    ///
    /// # Panics
    ///
    /// If it does not hold.
    pub fn claimed(&mut self, claim: &Claim, answer: &ClaimAnswer, now: Duration) {
        let bound = self.bound_ids(claim);
        let record = self.record(claim).cloned();
        match answer {
            ClaimAnswer::ReplayOf(id) => assert!(bound.contains(id) && *id != claim.id),
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
            self.bind(claim, now);
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

    /// Whether it is recorded. Where room is `ample`, nothing can have been forgotten.
    pub fn complete(&mut self, claim: &Claim, now: Duration, ample: bool) -> bool {
        match self.record(claim) {
            Some(Record { owner: Some(owner), .. }) if *owner != claim.token => return false,
            Some(Record { owner: None, .. }) if ample => {}
            // It may have been forgotten, and is recorded anew.
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
    fn bound_ids(&self, claim: &Claim) -> Vec<DeliveryId> {
        let keys = claim.replay_keys.iter().map(|key| key.to_bytes());
        keys.filter_map(|key| {
            let of = |b: &&Binding| b.key == key && b.scope == claim.scope.as_str();
            self.bindings.iter().find(of).map(|binding| binding.id.clone())
        })
        .collect()
    }

    fn bind(&mut self, claim: &Claim, now: Duration) {
        for key in &claim.replay_keys {
            let (key, scope) = (key.to_bytes(), claim.scope.as_str().to_owned());
            if !self.bindings.iter().any(|b| b.key == key && b.scope == scope) {
                let until = now + claim.replay_window;
                self.bindings.push(Binding { scope, key, id: claim.id.clone(), until });
            }
        }
    }
}

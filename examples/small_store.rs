//! A complete store of your own: two tables behind one lock, so that each operation is atomic.
//!
//! A store in a database has the same shape. There, each operation is one transaction, and the
//! database's clock takes the place of `self.clock`.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, OwnerToken, RecordKind, Renewal, Scope, StoreError,
};
use nevent_webhooks::{Clock, DedupeLayer, DeliveryId, ReplayKey, Store, SystemClock};

/// Remembers deliveries within this process. Only their retention bounds the store's size.
#[derive(Debug)]
pub struct SmallStore {
    tables: Mutex<Tables>,
    clock: Box<dyn Clock>,
}

#[derive(Debug, Default)]
struct Tables {
    records: HashMap<(Scope, RecordKind, DeliveryId), Record>,
    replays: HashMap<(Scope, ReplayKey), Replay>,
}

#[derive(Debug)]
struct Record {
    /// `None` once completed.
    owner: Option<OwnerToken>,
    fingerprint: Fingerprint,
    expires: Duration,
}

#[derive(Debug)]
struct Replay {
    first_id: DeliveryId,
    expires: Duration,
}

impl SmallStore {
    /// Creates an empty store.
    pub fn new(clock: impl Clock) -> Self {
        Self { tables: Mutex::default(), clock: Box::new(clock) }
    }

    /// Returns the tables without their expired rows, and the time. A database would ignore such
    /// rows in its queries, and delete them on a schedule.
    fn lock(&self) -> (MutexGuard<'_, Tables>, Duration) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        // Read after the lock is held, or another thread's write could be newer than "now".
        let now = self.clock.monotonic();
        tables.records.retain(|_, record| record.expires > now);
        tables.replays.retain(|_, replay| replay.expires > now);
        (tables, now)
    }
}

impl Store for SmallStore {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        let (mut tables, now) = self.lock();
        if let Some(first_id) = tables.first_id(claim) {
            return Ok(ClaimAnswer::ReplayOf(first_id));
        }
        let answer = match tables.records.get(&key(claim)) {
            Some(record) if record.fingerprint != claim.fingerprint => {
                return Ok(ClaimAnswer::Conflict);
            }
            Some(Record { owner: None, .. }) => ClaimAnswer::Completed,
            Some(record) if record.owner != Some(claim.token) => {
                ClaimAnswer::InFlight { lease: record.expires.saturating_sub(now) }
            }
            _ => {
                tables.put(claim, Some(claim.token), now.saturating_add(claim.lease));
                ClaimAnswer::Acquired
            }
        };
        for replay_key in &claim.replay_keys {
            let expires = now.saturating_add(claim.replay_window);
            let replay = || Replay { first_id: claim.id.clone(), expires };
            let known =
                tables.replays.entry((claim.scope.clone(), *replay_key)).or_insert_with(replay);
            if answer == ClaimAnswer::Acquired && known.first_id == claim.id {
                known.expires = known.expires.max(expires);
            }
        }
        Ok(answer)
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        let (mut tables, now) = self.lock();
        if !tables.is_held_by(claim) {
            return Ok(Renewal::Lost);
        }
        tables.put(claim, Some(claim.token), now.saturating_add(claim.lease));
        Ok(Renewal::Renewed)
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        let (mut tables, now) = self.lock();
        match tables.records.get(&key(claim)) {
            Some(Record { owner: None, .. }) => {}
            Some(_) if !tables.is_held_by(claim) => return Ok(Completion::HeldByAnother),
            _ => tables.put(claim, None, now.saturating_add(claim.retention)),
        }
        Ok(Completion::Recorded)
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let (mut tables, _) = self.lock();
        if tables.is_held_by(claim) {
            tables.records.remove(&key(claim));
        }
        Ok(())
    }
}

impl Tables {
    /// The id that the claim's signed bytes first came with, if it is another one.
    fn first_id(&self, claim: &Claim) -> Option<DeliveryId> {
        let replay = |key: &ReplayKey| self.replays.get(&(claim.scope.clone(), *key));
        let mut ids = claim.replay_keys.iter().filter_map(replay).map(|replay| &replay.first_id);
        let first = ids.next()?;
        let own = *first == claim.id || ids.any(|id| *id == claim.id);
        (!own).then(|| first.clone())
    }

    fn is_held_by(&self, claim: &Claim) -> bool {
        self.records.get(&key(claim)).is_some_and(|record| record.owner == Some(claim.token))
    }

    fn put(&mut self, claim: &Claim, owner: Option<OwnerToken>, expires: Duration) {
        let record = Record { owner, fingerprint: claim.fingerprint, expires };
        self.records.insert(key(claim), record);
    }
}

fn key(claim: &Claim) -> (Scope, RecordKind, DeliveryId) {
    (claim.scope.clone(), claim.kind, claim.id.clone())
}

fn main() -> Result<(), nevent_webhooks::OptionsError> {
    let dedupe = DedupeLayer::new("tickets", SmallStore::new(SystemClock))?;
    println!("{dedupe:?}");
    Ok(())
}

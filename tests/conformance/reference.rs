//! A store on a server of its own, small and correct, and every way to break it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nevent_webhooks::store::{Claim, OwnerToken, RecordKind, StoreError};
use nevent_webhooks::{Clock, DeliveryId, ManualClock};

use crate::flaws::Flaw;

/// The state that all processes share.
#[derive(Debug)]
pub struct Server {
    pub clock: ManualClock,
    memory: Mutex<Memory>,
    steps: AtomicU64,
}

#[derive(Debug, Default)]
pub struct Memory {
    pub records: HashMap<(String, &'static str, String), Record>,
    pub replays: HashMap<(String, [u8; 16]), Replay>,
}

#[derive(Debug, Clone)]
pub struct Record {
    /// `None` once completed.
    pub owner: Option<OwnerToken>,
    pub body: [u8; 16],
    pub until: Duration,
}

#[derive(Debug, Clone)]
pub struct Replay {
    pub id: DeliveryId,
    until: Duration,
}

impl Server {
    pub fn on(clock: ManualClock) -> Arc<Self> {
        Arc::new(Self { clock, memory: Mutex::default(), steps: AtomicU64::new(0) })
    }
}

/// A handle on the server, in a process with a clock and a seed of its own.
#[derive(Debug, Clone)]
pub struct Reference {
    pub server: Arc<Server>,
    pub clock: ManualClock,
    pub seed: u8,
    pub flaw: Option<Flaw>,
}

impl Reference {
    pub fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// One step on the server; cut in two, with others in between, if so flawed.
    pub async fn step<T>(
        &self,
        cut: Flaw,
        look: impl FnOnce(&Memory) -> T,
        write: impl FnOnce(&mut Memory, &T),
    ) -> Result<T, StoreError> {
        if self.has(Flaw::Unavailable) {
            return Err(StoreError::unavailable("flawed"));
        }
        tokio::task::yield_now().await; // the network
        let memory = || self.server.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let found = if self.has(cut) {
            let found = look(&memory());
            // Not twice in a row the same time.
            let millis = self.server.steps.fetch_add(1, Ordering::Relaxed) % 3 + 1;
            tokio::time::sleep(Duration::from_millis(millis)).await;
            write(&mut memory(), &found);
            found
        } else {
            let mut memory = memory();
            let found = look(&memory);
            write(&mut memory, &found);
            found
        };
        tokio::task::yield_now().await;
        Ok(found)
    }

    fn time(&self, by_client: Flaw) -> Duration {
        if self.has(by_client) {
            let seconds = self.clock.unix_seconds().unsigned_abs();
            Duration::new(seconds, self.clock.monotonic().subsec_nanos())
        } else {
            self.server.clock.monotonic()
        }
    }

    pub fn now(&self, record: &Record) -> Duration {
        match record.owner {
            Some(_) => self.time(Flaw::LeasesByClientClock),
            None => self.time(Flaw::RetentionByClientClock),
        }
    }

    pub fn key(&self, claim: &Claim) -> (String, &'static str, String) {
        let (scope, id) = (claim.scope.as_str().to_owned(), claim.id.to_string());
        let kind = claim.kind.as_str();
        match self.flaw {
            Some(Flaw::NamesJoined) => (String::new(), kind, format!("{scope}:{id}")),
            Some(Flaw::ScopesIgnored) => (String::new(), kind, id),
            Some(Flaw::KindsJoined) if claim.kind == RecordKind::Event => {
                (scope, "", format!("e{id}"))
            }
            Some(Flaw::KindsIgnored | Flaw::KindsJoined) => (scope, "", id),
            Some(Flaw::NamesFolded) => (scope, kind, id.to_lowercase()),
            Some(Flaw::NamesTrimmed) => (scope, kind, id.trim_end().to_owned()),
            Some(Flaw::NamesCut) => (scope, kind, id.chars().take(127).collect()),
            _ => (scope, kind, id),
        }
    }

    pub fn body(&self, claim: &Claim) -> [u8; 16] {
        let mut body = claim.fingerprint.to_bytes();
        body[0] ^= if self.has(Flaw::BodiesBySeed) { self.seed } else { 0 };
        body
    }

    pub fn live<'m>(&self, memory: &'m Memory, claim: &Claim) -> Option<&'m Record> {
        let record = memory.records.get(&self.key(claim))?;
        (record.until > self.now(record)).then_some(record)
    }

    pub fn in_flight(&self, claim: &Claim) -> Record {
        let lease = match self.flaw {
            Some(Flaw::LeasesRoundedDown) => Duration::from_secs(claim.lease.as_secs()),
            Some(Flaw::LeasesRoundedUp) => Duration::from_secs(claim.lease.as_secs() + 1),
            Some(Flaw::LeasesNeverExpire) => Duration::MAX / 2,
            _ => claim.lease,
        };
        let until = self.time(Flaw::LeasesByClientClock) + lease;
        Record { owner: Some(claim.token), body: self.body(claim), until }
    }

    pub fn completed(&self, claim: &Claim) -> Record {
        let remembered = match self.flaw {
            Some(Flaw::CompletedForever) => Duration::MAX / 2,
            Some(Flaw::CompletedForTheLease) => claim.lease,
            _ => claim.retention,
        };
        let until = self.time(Flaw::RetentionByClientClock) + remembered;
        Record { owner: None, body: self.body(claim), until }
    }

    fn replay_key(&self, claim: &Claim, key: usize) -> (String, [u8; 16]) {
        let everywhere = self.has(Flaw::ReplaysAcrossScopes);
        let scope = if everywhere { String::new() } else { claim.scope.as_str().to_owned() };
        (scope, claim.replay_keys[key].to_bytes())
    }

    fn replay<'m>(&self, memory: &'m Memory, claim: &Claim, key: usize) -> Option<&'m Replay> {
        let replay = memory.replays.get(&self.replay_key(claim, key))?;
        (replay.until > self.time(Flaw::RetentionByClientClock)).then_some(replay)
    }

    pub fn replay_of(&self, memory: &Memory, claim: &Claim) -> Option<DeliveryId> {
        let keys = 0..claim.replay_keys.len();
        let ids: Vec<_> =
            keys.filter_map(|key| Some(&self.replay(memory, claim, key)?.id)).collect();
        let own = ids.contains(&&claim.id) && !self.has(Flaw::OwnReplayNotEnough);
        ids.into_iter().find(|id| **id != claim.id && !own).cloned()
    }

    /// Records the keys that have no replay record, and extends those that name the claim's id.
    pub fn record_replays(&self, memory: &mut Memory, claim: &Claim, extends: bool) {
        let window = match self.flaw {
            Some(Flaw::ReplaysForever) => Duration::MAX / 2,
            Some(Flaw::ReplaysForTheLease) => claim.lease,
            _ => claim.replay_window,
        };
        let until = self.time(Flaw::RetentionByClientClock) + window;
        let keys = if self.has(Flaw::FirstKeyOnly) { 1 } else { usize::MAX };
        for key in 0..claim.replay_keys.len().min(keys) {
            let row = memory.replays.get(&self.replay_key(claim, key));
            let row = row.filter(|_| self.has(Flaw::ExpiredReplayStays));
            let live = self.replay(memory, claim, key);
            let known = live.or(row).is_some();
            let extends =
                extends && live.is_some_and(|live| live.id == claim.id && live.until < until);
            if !known || extends || self.has(Flaw::ReplaysReplaced) {
                let mut id = claim.id.clone();
                if self.has(Flaw::ReplayIdsFolded) {
                    id = DeliveryId::new(id.as_str().to_lowercase()).expect("as well-formed");
                }
                let replay = Replay { id, until };
                memory.replays.insert(self.replay_key(claim, key), replay);
            }
        }
    }
}

//! Sequences of claims, renewals, completions, releases and steps of the clock: the
//! in-memory store against a plain list of what must hold.
#![no_main]

use std::pin::Pin;
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, MemoryStore, OwnerToken, Renewal, Scope, Store,
    StoreError, StoreFuture,
};
use nevent_webhooks::{Clock, DeliveryId, ManualClock, ReplayKey};

#[derive(Debug, Arbitrary)]
struct Input {
    /// 1 to 7, and records are forgotten for want of it; 0 is enough of it.
    room: u8,
    steps: Vec<Step>,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Claim(Who),
    Renew(Who),
    Complete(Who),
    Release(Who),
    Wait { tenths: u16 },
}

/// Few of each, so that they meet.
#[derive(Debug, Arbitrary)]
struct Who {
    id: u8,
    scope: u8,
    token: u8,
    body: u8,
    keys: u8,
}

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

#[derive(Debug, Default)]
struct Model {
    records: Vec<Record>,
    bindings: Vec<Binding>,
}

/// What many runs share, each in scopes of its own: a store costs more to make than a run
/// takes.
struct Shared {
    clock: ManualClock,
    /// By their room. In the first, of eight ids in two scopes each may have a record:
    /// there none is forgotten.
    stores: [MemoryStore; 8],
    runs: u32,
}

impl Shared {
    fn new() -> Self {
        let clock = ManualClock::now();
        let with_room = |room| MemoryStore::with_capacity(room).unwrap().clock(clock.clone());
        let stores = [64, 1, 2, 3, 4, 5, 6, 7].map(with_room);
        Self { clock, stores, runs: 0 }
    }

    /// The next run; what former ones have left is over.
    fn next(&mut self, ample: bool) -> World {
        if self.runs == 10_000 {
            *self = Self::new();
        }
        self.runs += 1;
        self.clock.advance(Duration::from_hours(25));
        let scopes = ["tickets", "fans"].map(|name| Scope::new(format!("{name} {}", self.runs)));
        let tokens = std::array::from_fn(|_| OwnerToken::draw());
        World { scopes: scopes.map(Result::unwrap), tokens, ample }
    }
}

/// What a run has for itself.
struct World {
    scopes: [Scope; 2],
    tokens: [OwnerToken; 4],
    ample: bool,
}

static SHARED: LazyLock<Mutex<Shared>> = LazyLock::new(|| Mutex::new(Shared::new()));

fuzz_target!(|input: Input| {
    let room = usize::from(input.room % 8);
    let ample = room == 0;
    let mut shared = SHARED.lock().unwrap();
    let world = shared.next(ample);
    let (clock, store) = (&shared.clock, &shared.stores[room]);
    let mut model = Model::default();
    for step in &input.steps {
        model.forget_what_has_passed(clock.monotonic());
        let now = clock.monotonic();
        match step {
            Step::Wait { tenths } => clock.advance(Duration::from_millis(u64::from(*tenths) * 100)),
            Step::Claim(who) => {
                let claim = who.claim(&world);
                match answer(store.claim(&claim)) {
                    Ok(answer) if ample => assert_eq!(answer, model.claim(&claim, now)),
                    Ok(answer) => model.claimed(&claim, &answer, now),
                    Err(StoreError::Full { .. }) => assert!(model.in_flight() >= room && !ample),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Renew(who) => {
                let claim = who.claim(&world);
                let renewal = answer(store.renew(&claim)).unwrap();
                assert_eq!(renewal == Renewal::Renewed, model.renew(&claim, now));
            }
            Step::Complete(who) => {
                let claim = who.claim(&world);
                let completion = answer(store.complete(&claim)).unwrap();
                assert_eq!(completion == Completion::Recorded, model.complete(&claim, now, ample));
            }
            Step::Release(who) => {
                let claim = who.claim(&world);
                answer(store.release(&claim)).unwrap();
                model.release(&claim);
            }
        }
    }
});

fn answer<T>(mut future: StoreFuture<'_, T>) -> Result<T, StoreError> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(&mut future).poll(&mut context) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("this store never waits"),
    }
}

impl Who {
    fn claim(&self, world: &World) -> Claim {
        let scope = world.scopes[usize::from(self.scope % 2)].clone();
        let id = DeliveryId::new([b'a' + self.id % 8]).unwrap();
        // A body that was forgotten could not be told from one that never was.
        let body = [if world.ample { self.body % 3 } else { self.id % 8 % 3 }];
        let mut claim = Claim::new(scope, id, Fingerprint::of(&body));
        claim.token = world.tokens[usize::from(self.token % 4)];
        // Signed bytes have one body: its keys are of no other.
        let keys = (0..3_u8).filter(|bit| self.keys & (1 << bit) != 0);
        claim.replay_keys =
            keys.map(|key| ReplayKey::from_bytes([body[0] * 8 + key; 16])).collect();
        claim
    }
}

fn place(claim: &Claim) -> (String, String) {
    (claim.scope.as_str().to_owned(), claim.id.as_str().to_owned())
}

impl Model {
    fn forget_what_has_passed(&mut self, now: Duration) {
        self.records.retain(|record| record.until > now);
        self.bindings.retain(|binding| binding.until > now);
    }

    fn in_flight(&self) -> usize {
        self.records.iter().filter(|record| record.owner.is_some()).count()
    }

    fn record(&mut self, claim: &Claim) -> Option<&mut Record> {
        let key = place(claim);
        self.records.iter_mut().find(|record| record.key == key)
    }

    fn claim(&mut self, claim: &Claim, now: Duration) -> ClaimAnswer {
        let ids = self.bound_ids(claim);
        if let Some(first) = ids.first()
            && !ids.contains(&claim.id)
        {
            return ClaimAnswer::BoundTo(first.clone());
        }
        let answer = match self.record(claim) {
            Some(record) if record.body != claim.fingerprint => return ClaimAnswer::Reused,
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
    fn claimed(&mut self, claim: &Claim, answer: &ClaimAnswer, now: Duration) {
        let bound = self.bound_ids(claim);
        let record = self.record(claim).cloned();
        match answer {
            ClaimAnswer::BoundTo(id) => assert!(bound.contains(id) && *id != claim.id),
            ClaimAnswer::Reused => panic!("each id has one body"),
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
        if !matches!(answer, ClaimAnswer::BoundTo(_)) {
            self.bind(claim, now);
        }
    }

    fn renew(&mut self, claim: &Claim, now: Duration) -> bool {
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

    fn complete(&mut self, claim: &Claim, now: Duration, ample: bool) -> bool {
        match self.record(claim) {
            Some(Record { owner: Some(owner), .. }) if *owner != claim.token => return false,
            Some(Record { owner: None, .. }) if ample => {}
            // It may have been forgotten, and is recorded anew.
            _ => self.put(claim, None, now + claim.retention),
        }
        true
    }

    fn release(&mut self, claim: &Claim) {
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

//! Sequences of claims, renewals, completions, releases and steps of the clock: the
//! in-memory store against a plain list of what must hold.
#![no_main]

use std::pin::pin;
use std::sync::{LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use nevent_webhooks::store::{
    Claim, Completion, Fingerprint, MemoryStore, OwnerToken, RecordKind, Renewal, Scope, Store,
    StoreError,
};
use nevent_webhooks::{Clock, DeliveryId, ManualClock, ReplayKey, ReplayKeys};
use nevent_webhooks_fuzz::records::Records;

#[derive(Debug, Arbitrary)]
struct Input {
    /// 1 to 7, and records are evicted to make room; 0 is room enough.
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

/// What many runs share, each in scopes of its own: a store costs more to make than a run
/// takes.
struct Shared {
    clock: ManualClock,
    /// By their room. The first has room for a record of each of eight ids in two scopes and three
    /// kinds, so it evicts none.
    stores: [MemoryStore; 8],
    runs: u32,
}

impl Shared {
    fn new() -> Self {
        let clock = ManualClock::now();
        let with_room = |room| MemoryStore::with_capacity(room).unwrap().clock(clock.clone());
        let stores = [96, 1, 2, 3, 4, 5, 6, 7].map(with_room);
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
    let mut records = Records::default();
    for step in &input.steps {
        records.drop_expired(clock.monotonic());
        let now = clock.monotonic();
        match step {
            Step::Wait { tenths } => clock.advance(Duration::from_millis(u64::from(*tenths) * 100)),
            Step::Claim(who) => {
                let claim = who.claim(&world);
                match answer(store.claim(&claim)) {
                    Ok(answer) if ample => assert_eq!(answer, records.claim(&claim, now)),
                    Ok(answer) => records.claimed(&claim, &answer, now),
                    Err(StoreError::Full { .. }) => assert!(records.in_flight() >= room && !ample),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Renew(who) => {
                let claim = who.claim(&world);
                let renewal = answer(store.renew(&claim)).unwrap();
                assert_eq!(renewal == Renewal::Renewed, records.renew(&claim, now));
            }
            Step::Complete(who) => {
                let claim = who.claim(&world);
                let completion = answer(store.complete(&claim)).unwrap();
                assert_eq!(
                    completion == Completion::Recorded,
                    records.complete(&claim, now, ample)
                );
            }
            Step::Release(who) => {
                let claim = who.claim(&world);
                answer(store.release(&claim)).unwrap();
                records.release(&claim);
            }
        }
    }
});

fn answer<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("this store never waits"),
    }
}

impl Who {
    fn claim(&self, world: &World) -> Claim {
        let scope = world.scopes[usize::from(self.scope % 2)].clone();
        let uuid = |last: u8| format!("01234567-89ab-4cde-8f01-23456789abc{last:x}");
        let id = match self.id % 8 {
            letter @ 0..4 => char::from(b'a' + letter).to_string(),
            // Another form of a UUID is another id.
            7 => uuid(0xe).to_uppercase(),
            last => uuid(last + 8),
        };
        let id = DeliveryId::new(id).unwrap();
        // The list cannot tell an evicted body from one that never was.
        let body = [if world.ample { self.body % 3 } else { self.id % 8 % 3 }];
        let mut claim = Claim::new(scope, id, Fingerprint::of(&body));
        let kinds = [RecordKind::Delivery, RecordKind::Event, RecordKind::Queued];
        claim.kind = kinds[usize::from(self.scope / 2 % 3)];
        claim.token = world.tokens[usize::from(self.token % 4)];
        // Signed bytes have one body: its keys are of no other.
        let keys = (0..3_u8).filter(|bit| self.keys & (1 << bit) != 0);
        let keys = keys.map(|key| ReplayKey::from_bytes([body[0] * 8 + key; 16]));
        claim.replay_keys = ReplayKeys::first_four(keys);
        claim
    }
}

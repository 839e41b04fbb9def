//! The in-memory store keeps the promises of the `Store` trait, and those of its own.

use std::env;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use nevent_webhooks::store::conformance::{Harness, promises, run};
use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, MemoryStore, Renewal, Scope, StoreError,
};
use nevent_webhooks::{DeliveryId, ManualClock, ReplayKey, Store};

const SECOND: Duration = Duration::from_secs(1);

/// A claim for this id over this body, with a token of its own.
fn claim(id: &str, body: &str) -> Claim {
    let scope = Scope::new("test").expect("a scope");
    Claim::new(scope, DeliveryId::new(id).expect("an id"), Fingerprint::of(body.as_bytes()))
}

struct InMemory {
    store: Arc<MemoryStore>,
    clock: ManualClock,
}

impl InMemory {
    fn new() -> Self {
        let clock = ManualClock::now();
        let store = MemoryStore::with_capacity(1000).expect("room").clock(clock.clone());
        Self { store: Arc::new(store), clock }
    }
}

impl Harness for InMemory {
    type Store = Arc<MemoryStore>;

    async fn store(&self) -> Self::Store {
        self.store.clone()
    }

    async fn another_process(&self, _: ManualClock) -> Option<Self::Store> {
        None
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }
}

mod conformance {
    nevent_webhooks::store_conformance!(super::InMemory::new());
}

/// A promise that the harness cannot try says so, although its test passes.
#[test]
fn a_skipped_promise_is_reported_on_stderr() {
    let mut this = Command::new(env::current_exe().expect("this test's path"));
    let output = this.args(["--exact", "conformance::processes_agree_on_bodies"]).output();
    let output = output.expect("it runs");
    let [printed, error] =
        [output.stdout, output.stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}{error}");
    let line = "skipped: the harness has no other process (processes_agree_on_bodies)";
    assert!(error.contains(line), "{error}");
}

/// On the system's clock, with a harness that waits.
#[test]
fn leases_are_kept_in_real_time() {
    struct RealTime(Arc<MemoryStore>);

    impl Harness for RealTime {
        type Store = Arc<MemoryStore>;

        async fn store(&self) -> Self::Store {
            self.0.clone()
        }

        async fn another_process(&self, _: ManualClock) -> Option<Self::Store> {
            None
        }
    }

    let store = RealTime(Arc::new(MemoryStore::new()));
    let promise = promises::a_lease_is_not_rounded_up_to_whole_seconds(&store);
    run("a_lease_is_not_rounded_up_to_whole_seconds", promise);
}

async fn acquired(store: &MemoryStore, claim: &Claim) {
    assert_eq!(store.claim(claim).await.expect("a store"), ClaimAnswer::Acquired);
}

/// A lease has expired from its last moment on.
#[tokio::test]
async fn a_lease_expires_at_its_last_moment() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(10).expect("room").clock(clock.clone());
    let (first, second) = (claim("id", "body"), claim("id", "body"));
    acquired(&store, &first).await;
    clock.advance(first.lease);
    assert_eq!(store.renew(&first).await.expect("a store"), Renewal::Lost);
    acquired(&store, &second).await;
    clock.advance(second.lease);
    assert_eq!(store.complete(&first).await.expect("a store"), Completion::Recorded);
}

#[tokio::test]
async fn a_replay_record_expires_at_its_last_moment() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(10).expect("room").clock(clock.clone());
    let [mut first, mut other] = ["first", "other"].map(|id| claim(id, "body"));
    first.replay_keys = [ReplayKey::from_bytes([1; 16])].into();
    other.replay_keys.clone_from(&first.replay_keys);
    acquired(&store, &first).await;
    let replay = ClaimAnswer::ReplayOf(first.id.clone());
    assert_eq!(store.claim(&other).await.expect("a store"), replay);
    clock.advance(first.replay_window);
    acquired(&store, &other).await;
}

/// Each claim removes up to two expired records.
#[tokio::test]
async fn expired_records_are_removed_by_later_claims() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(10).expect("room").clock(clock.clone());
    for id in ["a", "b", "c"] {
        assert_eq!(store.complete(&claim(id, "body")).await.expect("room"), Completion::Recorded);
    }
    clock.advance(claim("a", "body").retention);
    acquired(&store, &claim("d", "body")).await;
    assert_eq!(store.stats().completed, 1);
    acquired(&store, &claim("e", "body")).await;
    assert_eq!((store.stats().completed, store.stats().evicted), (0, 0));
}

#[tokio::test]
async fn the_age_of_the_youngest_evicted_record_is_reported() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(1).expect("room").clock(clock.clone());
    assert_eq!(store.stats().youngest_evicted, None);
    for (id, age) in [("a", 7), ("b", 3), ("c", 5)] {
        let done = claim(id, "body");
        acquired(&store, &done).await;
        assert_eq!(store.complete(&done).await.expect("room"), Completion::Recorded);
        clock.advance(age * SECOND);
    }
    acquired(&store, &claim("d", "body")).await;
    assert_eq!(store.stats().youngest_evicted, Some(3 * SECOND));
    assert_eq!(store.stats().evicted, 3);
}

/// One store serves senders with different retentions. The records of one do not make room for
/// those of another while they hold no more than half.
#[tokio::test]
async fn a_flood_of_one_retention_evicts_no_record_of_another() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    for (few, many) in [(7 * DAY, DAY), (DAY, 7 * DAY)] {
        let store = MemoryStore::with_capacity(10).expect("room");
        let handled = async |n: u32, retention| {
            let mut done = claim(&n.to_string(), "body");
            done.retention = retention;
            acquired(&store, &done).await;
            assert_eq!(store.complete(&done).await.expect("room"), Completion::Recorded);
        };
        for n in 0..5 {
            handled(n, few).await;
        }
        for n in 5..100 {
            handled(n, many).await;
        }
        assert_eq!((store.stats().completed, store.stats().evicted), (10, 90));
        for n in 0..5 {
            let again = claim(&n.to_string(), "body");
            assert_eq!(store.claim(&again).await.expect("room"), ClaimAnswer::Completed);
        }
    }
}

/// One sender's signatures are accepted for minutes, another's for days.
#[test]
fn a_flood_of_short_replay_windows_evicts_no_long_one() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(1_000).expect("room").clock(clock.clone());
    let signed = |n: u128, id: &str, window| {
        let mut claim = claim(&format!("{id}-{n}"), &n.to_string());
        claim.replay_keys = [ReplayKey::from_bytes((n << 64 | n).to_be_bytes())].into();
        claim.replay_window = window;
        claim
    };
    let (minutes, days) = (660 * SECOND, 3 * 24 * 3600 * SECOND);
    let mut handled = (0..1_000).map(|n| signed(n, "long", days)).collect::<Vec<_>>();
    handled.extend((1_000..100_000).map(|n| signed(n, "short", minutes)));
    for claim in &handled {
        assert_eq!(now(store.claim(claim)), ClaimAnswer::Acquired);
        now(store.release(claim));
    }
    assert!(store.stats().evicted > 0);
    clock.advance(2 * minutes);
    for (n, long) in (0..1_000).zip(&handled) {
        let replay = now(store.claim(&signed(n, "replay", days)));
        assert_eq!(replay, ClaimAnswer::ReplayOf(long.id.clone()));
    }
}

/// In a full store, expired leases make room.
#[tokio::test]
async fn expired_leases_are_removed_from_a_full_store() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(1).expect("room").clock(clock.clone());
    acquired(&store, &claim("one", "body")).await;
    let full = store.claim(&claim("two", "body")).await.expect_err("full");
    assert!(full.to_string().starts_with("the store is full of deliveries in flight"));
    clock.advance(30 * SECOND);
    acquired(&store, &claim("two", "body")).await;
    assert_eq!(store.stats().in_flight, 1);
}

/// A lease that still holds for a moment is not removed with the expired ones.
#[tokio::test]
async fn leases_that_hold_are_not_removed_with_expired_ones() {
    for left in [25, 1] {
        let clock = ManualClock::now();
        let store = MemoryStore::with_capacity(2).expect("room").clock(clock.clone());
        let held = claim("b", "body");
        acquired(&store, &claim("a", "body")).await;
        clock.advance(left * SECOND);
        acquired(&store, &held).await;
        clock.advance((30 - left) * SECOND);
        acquired(&store, &claim("c", "body")).await;
        assert!(store.claim(&claim("d", "body")).await.is_err(), "b holds for {left} s more");
        assert_eq!(store.renew(&held).await.expect("a store"), Renewal::Renewed);
    }
}

/// An expired lease counts as no record, so it takes no room from others.
#[tokio::test]
async fn expired_leases_do_not_evict_completed_records() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(4).expect("room").clock(clock.clone());
    let done = claim("done", "body");
    acquired(&store, &done).await;
    assert_eq!(store.complete(&done).await.expect("room"), Completion::Recorded);
    for id in ["a", "b", "c"] {
        acquired(&store, &claim(id, "body")).await;
    }
    clock.advance(31 * SECOND);
    for id in ["d", "e", "f"] {
        acquired(&store, &claim(id, "body")).await;
    }
    assert_eq!(store.claim(&claim("done", "body")).await.expect("room"), ClaimAnswer::Completed);
    assert_eq!((store.stats().evicted, store.stats().in_flight), (0, 3));
    // A fourth in flight does, for these still hold.
    acquired(&store, &claim("g", "body")).await;
    assert_eq!(store.stats().evicted, 1);
    assert!(store.claim(&claim("h", "body")).await.is_err(), "all are in flight");
}

/// Expired leases make room every time, not only the first.
#[tokio::test]
async fn a_full_store_has_room_again_whenever_a_lease_expires() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(2).expect("room").clock(clock.clone());
    acquired(&store, &claim("one", "body")).await;
    clock.advance(10 * SECOND);
    acquired(&store, &claim("two", "body")).await;
    clock.advance(20 * SECOND);
    acquired(&store, &claim("three", "body")).await;
    clock.advance(10 * SECOND);
    acquired(&store, &claim("four", "body")).await;
}

#[test]
fn what_is_logged_of_a_store_is_short() {
    assert_eq!(format!("{:?}", MemoryStore::new()), "MemoryStore { .. }");
    assert_eq!(format!("{:?}", claim("id", "body").scope), "\"test\"");
}

#[test]
fn impossible_capacities_are_refused() {
    for records in [0, usize::MAX] {
        let error = MemoryStore::with_capacity(records).expect_err("impossible");
        assert!(error.to_string().contains(&records.to_string()), "{error}");
    }
}

/// Eight threads claim the same thousand deliveries, each under two ids. One of them acquires
/// each delivery.
#[test]
fn one_thread_wins_each_delivery() {
    let store = MemoryStore::new();
    let won: Vec<_> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
    let all_at_once = Barrier::new(8);
    thread::scope(|scope| {
        for thread in 0..8 {
            let (store, won, all_at_once) = (&store, &won, &all_at_once);
            scope.spawn(move || {
                for (n, won) in won.iter().enumerate() {
                    all_at_once.wait();
                    let key = u128::try_from(n).expect("it fits").to_be_bytes();
                    let mut attempt = claim(&format!("{n}-{}", thread % 2), &format!("{n}"));
                    attempt.replay_keys = [ReplayKey::from_bytes(key)].into();
                    won.fetch_add(usize::from(wins(store, &mut attempt)), Ordering::SeqCst);
                }
            });
        }
    });
    assert!(won.iter().all(|won| won.load(Ordering::SeqCst) == 1));
    assert_eq!((store.stats().in_flight, store.stats().completed), (0, 1000));
}

fn wins(store: &MemoryStore, attempt: &mut Claim) -> bool {
    match now(store.claim(attempt)) {
        ClaimAnswer::ReplayOf(first) => {
            attempt.id = first;
            wins(store, attempt)
        }
        ClaimAnswer::Acquired => now(store.complete(attempt)) == Completion::Recorded,
        _ => false,
    }
}

fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    polled(future).expect("the store has room")
}

/// The in-memory store never waits.
fn polled<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => unreachable!("it answers at once"),
    }
}

/// Divided into shards, the store still evicts nothing before its capacity is reached, and holds
/// little more than that.
#[test]
fn a_sharded_store_holds_its_capacity() {
    const CAPACITY: usize = 200_000;
    let store = MemoryStore::with_capacity(CAPACITY).expect("room");
    let complete = |n: usize| now(store.complete(&claim(&n.to_string(), "body")));
    (0..CAPACITY).for_each(|n| assert_eq!(complete(n), Completion::Recorded));
    assert_eq!((store.stats().completed, store.stats().evicted), (CAPACITY, 0));
    (CAPACITY..2 * CAPACITY).for_each(|n| assert_eq!(complete(n), Completion::Recorded));
    let held = store.stats().completed;
    assert!((CAPACITY..CAPACITY * 21 / 20).contains(&held), "{held} held");
    assert_eq!(store.stats().evicted, (2 * CAPACITY - held) as u64);
}

/// When one shard is full, the error names the capacity of the whole store.
#[test]
fn a_full_store_names_the_capacity_it_was_given() {
    const CAPACITY: usize = 100_000;
    let store = MemoryStore::with_capacity(CAPACITY).expect("room");
    let mut answers =
        (0..2 * CAPACITY).map(|n| polled(store.claim(&claim(&n.to_string(), "body"))));
    let full = answers.find_map(Result::err).expect("full in the end");
    let says = "the store is full of deliveries in flight: raise its capacity above 100000";
    assert_eq!(full.to_string(), says);
    assert!((CAPACITY..CAPACITY * 21 / 20).contains(&store.stats().in_flight));
}

/// The same signed bytes come to every endpoint, and no replay record evicts another.
#[test]
fn one_body_in_many_scopes_is_recognised_in_each() {
    const SCOPES: usize = 100_000;
    let store = MemoryStore::with_capacity(SCOPES).expect("room");
    let [mut first, mut replay] = ["first", "replay"].map(|id| claim(id, "body"));
    first.replay_keys = [ReplayKey::from_bytes([1; 16])].into();
    replay.replay_keys.clone_from(&first.replay_keys);
    let scopes = || (0..SCOPES).map(|n| Scope::new(n.to_string()).expect("a scope"));
    for scope in scopes() {
        first.scope = scope;
        assert_eq!(now(store.claim(&first)), ClaimAnswer::Acquired);
    }
    for scope in scopes() {
        replay.scope = scope;
        assert_eq!(now(store.claim(&replay)), ClaimAnswer::ReplayOf(first.id.clone()));
    }
    assert_eq!(store.stats().evicted, 0);
}

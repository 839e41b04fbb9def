//! What the `Store` trait promises, of the in-memory store, and what that store
//! promises beside.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, MemoryStore, OwnerToken, Renewal, Scope,
};
use nevent_webhooks::{DeliveryId, ManualClock, ReplayKey, Store};

const SECOND: Duration = Duration::from_secs(1);

/// A claim for this id over this body, with a token of its own.
fn claim(id: &str, body: &str) -> Claim {
    let scope = Scope::new("test").expect("a scope");
    Claim::new(scope, DeliveryId::new(id).expect("an id"), Fingerprint::of(body.as_bytes()))
}

fn signed(mut claim: Claim, keys: &[u8]) -> Claim {
    claim.replay_keys = keys.iter().map(|key| ReplayKey::from_bytes([*key; 16])).collect();
    claim
}

/// Another attempt at the same delivery.
fn again(first: &Claim) -> Claim {
    let mut again = first.clone();
    again.token = OwnerToken::draw();
    again
}

fn store() -> (MemoryStore, ManualClock) {
    let clock = ManualClock::now();
    (MemoryStore::with_capacity(1000).expect("room").clock(clock.clone()), clock)
}

async fn acquired(store: &MemoryStore, claim: &Claim) {
    assert_eq!(store.claim(claim).await.expect("a store"), ClaimAnswer::Acquired);
}

async fn answers(store: &MemoryStore, claim: &Claim, answer: ClaimAnswer) {
    assert_eq!(store.claim(claim).await.expect("a store"), answer);
}

async fn completes(store: &MemoryStore, claim: &Claim) {
    assert_eq!(store.complete(claim).await.expect("a store"), Completion::Recorded);
}

#[tokio::test]
async fn a_claim_is_idempotent_for_its_token() {
    let (store, clock) = store();
    let first = claim("d", "body");
    acquired(&store, &first).await;
    clock.advance(20 * SECOND);
    acquired(&store, &first).await;
    clock.advance(20 * SECOND);
    answers(&store, &again(&first), ClaimAnswer::InFlight { lease: 10 * SECOND }).await;
}

#[tokio::test]
async fn a_lapsed_lease_can_be_taken_and_its_owner_can_change_nothing() {
    let (store, clock) = store();
    let first = claim("d", "body");
    let second = again(&first);
    acquired(&store, &first).await;
    clock.advance(30 * SECOND);
    acquired(&store, &second).await;
    assert_eq!(store.renew(&first).await.expect("a store"), Renewal::Lost);
    store.release(&first).await.expect("a store");
    assert_eq!(store.complete(&first).await.expect("a store"), Completion::HeldByAnother);
    answers(&store, &again(&first), ClaimAnswer::InFlight { lease: 30 * SECOND }).await;
    completes(&store, &second).await;
    answers(&store, &again(&first), ClaimAnswer::Completed).await;
}

#[tokio::test]
async fn a_lapsed_lease_cannot_be_renewed_but_its_work_can_be_completed() {
    let (store, clock) = store();
    let first = claim("d", "body");
    acquired(&store, &first).await;
    assert_eq!(store.renew(&first).await.expect("a store"), Renewal::Renewed);
    clock.advance(30 * SECOND);
    assert_eq!(store.renew(&first).await.expect("a store"), Renewal::Lost);
    completes(&store, &first).await;
    completes(&store, &first).await;
    answers(&store, &again(&first), ClaimAnswer::Completed).await;
    // Nothing reopens what is completed.
    store.release(&first).await.expect("a store");
    answers(&store, &first, ClaimAnswer::Completed).await;
}

#[tokio::test]
async fn a_completion_is_recorded_without_a_record() {
    let (store, _) = store();
    let first = claim("d", "body");
    completes(&store, &first).await;
    answers(&store, &again(&first), ClaimAnswer::Completed).await;
}

#[tokio::test]
async fn a_completion_does_not_prolong_another() {
    let (store, clock) = store();
    let first = claim("d", "body");
    completes(&store, &first).await;
    clock.advance(12 * 3600 * SECOND);
    completes(&store, &again(&first)).await;
    clock.advance(12 * 3600 * SECOND);
    acquired(&store, &again(&first)).await;
}

#[tokio::test]
async fn a_released_delivery_runs_again() {
    let (store, _) = store();
    let first = claim("d", "body");
    acquired(&store, &first).await;
    store.release(&again(&first)).await.expect("a store");
    answers(&store, &again(&first), ClaimAnswer::InFlight { lease: 30 * SECOND }).await;
    store.release(&first).await.expect("a store");
    acquired(&store, &again(&first)).await;
}

#[tokio::test]
async fn an_id_stands_for_one_body() {
    let (store, clock) = store();
    let first = claim("d", "body");
    acquired(&store, &first).await;
    answers(&store, &claim("d", "other"), ClaimAnswer::Reused).await;
    completes(&store, &first).await;
    answers(&store, &claim("d", "other"), ClaimAnswer::Reused).await;
    clock.advance(24 * 3600 * SECOND);
    acquired(&store, &claim("d", "other")).await;
}

#[tokio::test]
async fn signed_bytes_are_bound_to_their_first_id() {
    let (store, clock) = store();
    let first = signed(claim("first", "body"), &[1]);
    let replay = signed(claim("other", "body"), &[1]);
    let bound = ClaimAnswer::BoundTo(first.id.clone());
    acquired(&store, &first).await;
    answers(&store, &replay, bound.clone()).await;
    store.release(&first).await.expect("a store");
    answers(&store, &replay, bound.clone()).await;
    clock.advance(659 * SECOND);
    answers(&store, &replay, bound).await;
    clock.advance(SECOND);
    acquired(&store, &replay).await;
}

/// Receivers in the middle of a rotation know one key or two.
#[tokio::test]
async fn any_bound_key_is_enough_and_the_others_follow() {
    let (store, _) = store();
    let first = signed(claim("first", "body"), &[1]);
    acquired(&store, &first).await;
    let bound = ClaimAnswer::BoundTo(first.id.clone());
    answers(&store, &signed(claim("other", "body"), &[2, 1]), bound.clone()).await;
    let in_flight = ClaimAnswer::InFlight { lease: 30 * SECOND };
    answers(&store, &signed(again(&first), &[2, 1]), in_flight).await;
    answers(&store, &signed(claim("third", "body"), &[2]), bound).await;
}

/// Two keys bound to two ids: a claim for either of them is for itself.
#[tokio::test]
async fn bindings_that_disagree_lead_round_no_circle() {
    let (store, _) = store();
    acquired(&store, &signed(claim("one", "body"), &[1])).await;
    acquired(&store, &signed(claim("two", "body"), &[2])).await;
    let in_flight = ClaimAnswer::InFlight { lease: 30 * SECOND };
    answers(&store, &signed(claim("one", "body"), &[1, 2]), in_flight.clone()).await;
    answers(&store, &signed(claim("two", "body"), &[1, 2]), in_flight).await;
    let first = DeliveryId::new("one").expect("an id");
    answers(&store, &signed(claim("x", "body"), &[1, 2]), ClaimAnswer::BoundTo(first)).await;
}

#[tokio::test]
async fn reuse_binds_nothing() {
    let (store, _) = store();
    completes(&store, &claim("taken", "body")).await;
    answers(&store, &signed(claim("taken", "captured"), &[1]), ClaimAnswer::Reused).await;
    acquired(&store, &signed(claim("genuine", "captured"), &[1])).await;
}

#[tokio::test]
async fn scopes_are_apart() {
    let (store, _) = store();
    let first = signed(claim("d", "body"), &[1]);
    acquired(&store, &first).await;
    let mut elsewhere = again(&first);
    elsewhere.scope = Scope::new("elsewhere").expect("a scope");
    acquired(&store, &elsewhere).await;
    // Nor does a binding reach from one into the other.
    let mut under_another_id = again(&first);
    under_another_id.scope = Scope::new("third").expect("a scope");
    under_another_id.id = DeliveryId::new("other").expect("an id");
    acquired(&store, &under_another_id).await;
}

/// In a full store, leases that lapsed make room.
#[tokio::test]
async fn lapsed_leases_are_swept_out_of_a_full_store() {
    let clock = ManualClock::now();
    let store = MemoryStore::with_capacity(1).expect("room").clock(clock.clone());
    acquired(&store, &claim("one", "body")).await;
    let full = store.claim(&claim("two", "body")).await.expect_err("full");
    assert!(full.to_string().starts_with("the store is full of deliveries in flight"));
    clock.advance(30 * SECOND);
    acquired(&store, &claim("two", "body")).await;
    assert_eq!(store.stats().in_flight, 1);
}

#[test]
fn impossible_capacities_are_refused() {
    for records in [0, usize::MAX] {
        let error = MemoryStore::with_capacity(records).expect_err("impossible");
        assert!(error.to_string().contains(&records.to_string()), "{error}");
    }
}

/// Eight threads, the same thousand deliveries, each under two ids: one of all
/// wins each, whatever the interleaving.
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
                    attempt.replay_keys = vec![ReplayKey::from_bytes(key)];
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
        ClaimAnswer::BoundTo(first) => {
            attempt.id = first;
            wins(store, attempt)
        }
        ClaimAnswer::Acquired => now(store.complete(attempt)) == Completion::Recorded,
        _ => false,
    }
}

/// The in-memory store never waits.
fn now<T>(future: nevent_webhooks::store::StoreFuture<'_, T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(result) => result.expect("the store has room"),
        std::task::Poll::Pending => unreachable!("it answers at once"),
    }
}

/// Cut into shards, and still nothing is forgotten before the capacity is
/// reached, nor held far beyond it.
#[test]
fn a_sharded_store_holds_its_capacity() {
    const CAPACITY: usize = 200_000;
    let store = MemoryStore::with_capacity(CAPACITY).expect("room");
    let complete = |n: usize| now(store.complete(&claim(&n.to_string(), "body")));
    (0..CAPACITY).for_each(|n| assert_eq!(complete(n), Completion::Recorded));
    assert_eq!((store.stats().completed, store.stats().forgotten_early), (CAPACITY, 0));
    (CAPACITY..2 * CAPACITY).for_each(|n| assert_eq!(complete(n), Completion::Recorded));
    let held = store.stats().completed;
    assert!((CAPACITY..CAPACITY * 21 / 20).contains(&held), "{held} held");
    assert_eq!(store.stats().forgotten_early, (2 * CAPACITY - held) as u64);
}

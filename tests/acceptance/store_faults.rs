//! d13, d14, d18: a store that fails, is slow, or does not answer.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeOptions, Incident};

use crate::support::busy::{in_time, within};
use crate::support::{Adapter, Fault, FaultyStore, Post, Receiver, eventually, rows};

rows!(
    a_rejected_request_never_reaches_the_store,
    d13_success_that_is_not_recorded_at_once,
    d13_failure_that_is_not_recorded_at_once,
    d14_store_down_at_the_claim,
    d14_store_that_panics,
    d14_store_silent_at_the_claim,
    d14_opt_in_to_run_unclaimed,
    d14b_answer_to_the_claim_lost,
    d13_success_recorded_after_its_lease,
    d13_success_at_the_deadline_is_not_turned_into_a_503,
    d13_failure_that_is_never_recorded,
    d18_success_being_recorded_is_not_cut_short,
);

/// The store is asked only about genuine and fresh deliveries.
async fn a_rejected_request_never_reaches_the_store(adapter: Adapter) {
    let store = store();
    let setup = Receiver::on(adapter).store(store.clone());
    let receiver = setup.verify(|options| options.body_limit(2_000)).start().await;
    for (post, status) in [
        (Post::new("d").but_send("{}"), 401),
        (Post::new("d").secret("whsec_0aVnD4bWmTzq7RsuPyXc1LfEh"), 401),
        (Post::new("d").without_signature(), 401),
        (Post::new("d").age(301), 401),
        (Post::new("d").age(-301), 401),
        (Post::new("d").body("x".repeat(2_001)), 413),
        (Post::new("d").without_id(), 400),
    ] {
        assert_eq!(receiver.deliver(&post).await.status, status);
    }
    assert_eq!((store.claims(), store.releases(), receiver.runs()), (0, 0, 0));
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(store.claims(), 1);
}

fn store() -> FaultyStore {
    FaultyStore::new(MemoryStore::with_capacity(100).expect("room"))
}

fn quick_store_timeout() -> DedupeOptions {
    DedupeOptions::new().store_timeout(Duration::from_millis(200))
}

async fn d13_success_that_is_not_recorded_at_once(adapter: Adapter) {
    let attempt = async |fault| {
        let store = store();
        let setup = Receiver::on(adapter).store(store.clone()).options(quick_store_timeout());
        let receiver = setup.start().await;
        store.fail_settlements(fault);
        let begun = Instant::now();
        receiver.deliver(&Post::new("d")).await.is(200, "");
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(500), "it was tried again");
        assert_eq!(receiver.incidents(Incident::FinalizedLate), 1);
        store.fail_settlements(None);
        receiver.idle().await;
        receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
        assert_eq!(receiver.runs(), 1);
        assert_eq!(receiver.incidents(Incident::FinalizeFailed), 0);
        took
    };
    for fault in [Fault::Down, Fault::Silent, Fault::AnswerLost, Fault::Panics] {
        // Tries last half a second, not one and a half. A panic's backtrace takes time, too.
        let most = if matches!(fault, Fault::Panics) { 3000 } else { 1400 };
        within(Duration::from_millis(most), async || attempt(fault).await).await;
    }
}

async fn d13_failure_that_is_not_recorded_at_once(adapter: Adapter) {
    let store = store();
    let fails = |_| async { StatusCode::INTERNAL_SERVER_ERROR };
    let setup = Receiver::on(adapter).store(store.clone()).handler(fails);
    let receiver = setup.options(quick_store_timeout()).start().await;
    store.fail_settlements(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(500, "");
    store.fail_settlements(None);
    receiver.idle().await;
    receiver.deliver(&Post::new("d")).await.is(500, "");
    assert_eq!(receiver.runs(), 2);
}

/// The response is due while the success is being recorded. It stays the handler's.
async fn d13_success_at_the_deadline_is_not_turned_into_a_503(adapter: Adapter) {
    let due = Duration::from_millis(550);
    in_time(due, async |works_for_a_while| {
        let store = store();
        let setup = Receiver::on(adapter).store(store.clone()).handler(works_for_a_while);
        let receiver = setup.options(quick_store_timeout().response_deadline(due)).start().await;
        store.fail_settlements(Fault::Down);
        let reply = receiver.deliver(&Post::new("d")).await;
        let detached = receiver.incidents(Incident::MovedToBackground);
        store.fail_settlements(None);
        receiver.idle().await;
        receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
        Some(move || {
            reply.is(200, "");
            assert_eq!(detached, 0);
        })
    })
    .await;
}

/// The completion is tried for as long as a handler may run, not only for as long as the lease.
async fn d13_success_recorded_after_its_lease(adapter: Adapter) {
    let (store, lease) = (store(), Duration::from_secs(3));
    let options = quick_store_timeout().response_deadline(lease / 3).lease(lease);
    let receiver = Receiver::on(adapter).store(store.clone()).options(options).start().await;
    store.fail_settlements(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    tokio::time::sleep(lease + Duration::from_secs(1)).await;
    store.fail_settlements(None);
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::FinalizeFailed), 0);
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

/// A release is tried for as long as the lease runs. Then the lease expires by itself.
async fn d13_failure_that_is_never_recorded(adapter: Adapter) {
    let (store, lease) = (store(), Duration::from_secs(3));
    let options = quick_store_timeout().response_deadline(lease / 3).lease(lease);
    let fails = |_| async { StatusCode::INTERNAL_SERVER_ERROR };
    let setup = Receiver::on(adapter).store(store.clone()).handler(fails);
    let receiver = setup.options(options).start().await;
    store.fail_settlements(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(500, "");
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::FinalizeFailed), 1);
    // With ever longer pauses: 3.5 s have room for 13, and for 175 if all were the first.
    assert!((2..=16).contains(&store.releases()), "{} tries", store.releases());
    receiver.deliver(&Post::new("d")).await.is(500, "");
    assert_eq!(receiver.runs(), 2);
}

async fn d14_store_down_at_the_claim(adapter: Adapter) {
    let store = store();
    let receiver = Receiver::on(adapter).store(store.clone()).start().await;
    store.fail_claims(Fault::Down);
    let reply = receiver.deliver(&Post::new("d")).await;
    reply.is(503, "Try again later");
    assert_eq!(reply.header("retry-after"), Some("30"));
    assert_eq!(receiver.runs(), 0);
    assert_eq!(receiver.incidents(Incident::StoreFailed), 1);
    store.fail_claims(None);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}

/// A store must not panic. If it does, the server lives on, nothing is held for good, and the
/// failure counts as the store's, not the handler's.
async fn d14_store_that_panics(adapter: Adapter) {
    let store = store();
    let options = DedupeOptions::new().max_in_flight(1);
    let receiver = Receiver::on(adapter).store(store.clone()).options(options).start().await;
    store.fail_claims(Fault::Panics);
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    assert_eq!((receiver.runs(), receiver.incidents(Incident::StoreFailed)), (0, 1));
    assert_eq!(receiver.incidents(Incident::HandlerPanicked), 0);
    receiver.idle().await; // The claim is given back meanwhile.
    store.fail_claims(None);
    receiver.deliver(&Post::new("d")).await.is(200, "");
}

async fn d14_store_silent_at_the_claim(adapter: Adapter) {
    let store = store();
    // The default: 2 s.
    let receiver = Receiver::on(adapter).store(store.clone()).start().await;
    store.fail_claims(Fault::Silent);
    within(Duration::from_secs(4), async || {
        let begun = Instant::now();
        receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(2), "{took:?}");
        took
    })
    .await;
    assert_eq!(receiver.runs(), 0);
}

async fn d14_opt_in_to_run_unclaimed(adapter: Adapter) {
    let store = store();
    let options = DedupeOptions::new().dangerously_run_when_store_fails();
    let receiver = Receiver::on(adapter).store(store.clone()).options(options).start().await;
    store.fail_claims(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
    assert_eq!(receiver.incidents(Incident::StoreFailed), 1);
    assert_eq!(receiver.incidents(Incident::RanUnclaimed), 1);
    // The end was recorded all the same, because the store took it.
    store.fail_claims(None);
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
}

async fn d14b_answer_to_the_claim_lost(adapter: Adapter) {
    let store = store();
    let setup = Receiver::on(adapter).store(store.clone()).options(quick_store_timeout());
    let receiver = setup.start().await;
    store.fail_claims(Fault::AnswerLost);
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    eventually("the claim is given back", || store.releases() == 1).await;
    store.fail_claims(None);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}

/// The handler timeout passes while a success is being recorded. It stays a success.
async fn d18_success_being_recorded_is_not_cut_short(adapter: Adapter) {
    let ms = Duration::from_millis;
    let options = DedupeOptions::new().response_deadline(ms(60)).store_timeout(ms(50));
    let longest = ms(550);
    in_time(longest, async |works_for_a_while| {
        let store = store();
        let setup = Receiver::on(adapter).store(store.clone()).handler(works_for_a_while);
        let receiver = setup.options(options.clone().handler_timeout(longest)).start().await;
        store.fail_settlements(Fault::Down);
        receiver.deliver(&Post::new("d")).await;
        // Half a second after the handler's end the longest run is over.
        eventually("it is late", || receiver.incidents(Incident::FinalizedLate) >= 1).await;
        store.fail_settlements(None);
        receiver.idle().await;
        if receiver.incidents(Incident::FinalizeFailed) > 0 {
            return None; // The tries end after one more handler timeout: this run was too slow.
        }
        let cut_short = receiver.incidents(Incident::HandlerTimedOut);
        let again = receiver.deliver(&Post::new("d")).await;
        Some(move || {
            assert_eq!(cut_short, 0);
            again.is(200, "Already processed");
        })
    })
    .await;
}

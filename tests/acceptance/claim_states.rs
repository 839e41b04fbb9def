//! Handlers that complete a delivery themselves, and note in its claim what became of that.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::{MemoryStore, SharedStore, Store};
use nevent_webhooks::{ClaimState, DedupeOptions, Delivery, Incident};

use crate::support::receiver::Setup;
use crate::support::recorder::Recorder;
use crate::support::{Adapter, Fault, FaultyStore, Post, Receiver, eventually, rows};

rows!(
    a_committed_delivery_is_done_whatever_the_handler_returns,
    a_committed_delivery_loses_no_lease,
    a_staged_delivery_is_believed_if_the_store_confirms_it,
    a_2xx_is_not_believed_unless_the_store_confirms_it,
    a_failure_after_a_completion_that_was_staged_is_released,
    a_panic_after_a_completion_that_was_staged_is_released,
    a_timeout_after_a_completion_that_was_staged_is_released,
    without_proof_a_2xx_is_not_believed,
    the_response_deadline_does_not_cut_the_proof,
);

/// The handler completes the delivery in the store, notes this state, and returns this status
/// after a while.
fn completing(adapter: Adapter, status: StatusCode, after: Duration) -> (Setup, Recorder) {
    let store = SharedStore::new(MemoryStore::with_capacity(100).expect("room"));
    let inside = store.clone();
    let setup = noting(adapter, move |delivery| {
        let store = inside.clone();
        async move {
            let claim = delivery.claim().expect("claimed");
            store.complete(claim.claim()).await.expect("in memory");
            claim.set_state(ClaimState::Committed);
            tokio::time::sleep(after).await;
            status
        }
    });
    let recorder = Recorder::default();
    (setup.store(store).options(hurried().observer(recorder.clone())), recorder)
}

fn noting<F>(adapter: Adapter, handler: impl Fn(Delivery) -> F + Send + Sync + 'static) -> Setup
where
    F: Future<Output = StatusCode> + Send + 'static,
{
    Receiver::on(adapter).handler(handler)
}

fn hurried() -> DedupeOptions {
    let (deadline, store) = (Duration::from_millis(300), Duration::from_millis(100));
    DedupeOptions::new().response_deadline(deadline).store_timeout(store).lease(deadline * 3)
}

async fn a_committed_delivery_is_done_whatever_the_handler_returns(adapter: Adapter) {
    for status in [StatusCode::OK, StatusCode::BAD_GATEWAY] {
        let (setup, recorder) = completing(adapter, status, Duration::ZERO);
        let receiver = setup.start().await;
        receiver.deliver(&Post::new("d")).await.is(status.as_u16(), "");
        let calls = recorder.all().into_iter().map(|observed| observed.outcome);
        let calls: Vec<_> = calls.filter(|outcome| outcome.starts_with("store_")).collect();
        assert_eq!(calls, ["store_answered claim"], "the layer records nothing");
        receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    }
}

/// A store has no lease to renew once the delivery is completed.
async fn a_committed_delivery_loses_no_lease(adapter: Adapter) {
    let (setup, recorder) = completing(adapter, StatusCode::OK, Duration::from_millis(1500));
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0, "{:?}", recorder.outcomes());
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
}

/// The layer asks the store, and believes it alone.
async fn a_staged_delivery_is_believed_if_the_store_confirms_it(adapter: Adapter) {
    for state in [ClaimState::Staged, ClaimState::Refused] {
        let store = SharedStore::new(MemoryStore::with_capacity(100).expect("room"));
        let inside = store.clone();
        let setup = noting(adapter, move |delivery| {
            let store = inside.clone();
            async move {
                let claim = delivery.claim().expect("claimed");
                store.complete(claim.claim()).await.expect("in memory");
                claim.set_state(state);
                StatusCode::OK
            }
        });
        let recorder = Recorder::default();
        let options = hurried().observer(recorder.clone());
        let receiver = setup.store(store).options(options).start().await;
        receiver.deliver(&Post::new("d")).await.is(200, "");
        let calls = recorder.all().into_iter().map(|observed| observed.outcome);
        let calls: Vec<_> = calls.filter(|outcome| outcome.starts_with("store_")).collect();
        assert_eq!(calls, ["store_answered claim", "store_answered prove"]);
        receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
        assert_eq!((receiver.runs(), receiver.incidents(Incident::NotCommitted)), (1, 0));
    }
}

/// Its effect was rolled back, and the handler does not know it.
async fn a_2xx_is_not_believed_unless_the_store_confirms_it(adapter: Adapter) {
    for state in [ClaimState::Staged, ClaimState::Refused] {
        let receiver = noting(adapter, move |delivery| async move {
            delivery.claim().expect("claimed").set_state(state);
            StatusCode::OK
        });
        let receiver = receiver.start().await;
        for runs in 1..=2 {
            receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
            let not_committed = receiver.incidents(Incident::NotCommitted);
            assert_eq!((receiver.runs(), not_committed), (runs, runs as u64));
        }
    }
}

async fn a_failure_after_a_completion_that_was_staged_is_released(adapter: Adapter) {
    for state in [ClaimState::Staged, ClaimState::Refused] {
        let receiver = noting(adapter, move |delivery| async move {
            delivery.claim().expect("claimed").set_state(state);
            StatusCode::BAD_GATEWAY
        });
        let receiver = receiver.start().await;
        for runs in 1..=2 {
            receiver.deliver(&Post::new("d")).await.is(502, "");
            assert_eq!((receiver.runs(), receiver.incidents(Incident::NotCommitted)), (runs, 0));
        }
    }
}

async fn a_panic_after_a_completion_that_was_staged_is_released(adapter: Adapter) {
    let receiver = noting(adapter, move |delivery| async move {
        delivery.claim().expect("claimed").set_state(ClaimState::Staged);
        panic!("on purpose");
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        let reply = receiver.deliver(&Post::new("d")).await;
        assert_eq!((reply.status, receiver.runs()), (500, runs), "{reply:?}");
    }
}

async fn a_timeout_after_a_completion_that_was_staged_is_released(adapter: Adapter) {
    let receiver = noting(adapter, move |delivery| async move {
        delivery.claim().expect("claimed").set_state(ClaimState::Staged);
        std::future::pending().await
    });
    let options = hurried().handler_timeout(Duration::from_millis(600));
    let receiver = receiver.options(options).start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
        receiver.idle().await;
        assert_eq!(receiver.runs(), runs);
    }
}

/// The store does not answer, and may have completed the delivery or not.
async fn without_proof_a_2xx_is_not_believed(adapter: Adapter) {
    for fault in [Fault::Down, Fault::Silent, Fault::AnswerLost] {
        let (store, setup) = staging_and_then(adapter, fault, Duration::ZERO);
        let receiver = setup.store(store.clone()).start().await;
        receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
        assert_eq!(receiver.incidents(Incident::NotCommitted), 1);
        // The second time in case that the claim arrived late.
        eventually("released twice", || store.releases() == 2).await;
    }
}

async fn the_response_deadline_does_not_cut_the_proof(adapter: Adapter) {
    let (store, setup) = staging_and_then(adapter, Fault::Late, Duration::from_millis(200));
    let receiver = setup.store(store).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
}

/// The handler completes the delivery in its own way, and the store then has this fault for claims.
fn staging_and_then(adapter: Adapter, fault: Fault, after: Duration) -> (FaultyStore, Setup) {
    let store = FaultyStore::new(MemoryStore::with_capacity(100).expect("room"));
    let inside = store.clone();
    let setup = noting(adapter, move |delivery| {
        let store = inside.clone();
        async move {
            let claim = delivery.claim().expect("claimed");
            store.complete(claim.claim()).await.expect("in memory");
            claim.set_state(ClaimState::Staged);
            store.fail_claims(fault);
            tokio::time::sleep(after).await;
            StatusCode::OK
        }
    });
    let (deadline, store_timeout) = (Duration::from_millis(300), Duration::from_millis(250));
    let options = DedupeOptions::new().response_deadline(deadline).store_timeout(store_timeout);
    (store, setup.options(options.lease(deadline * 3)))
}

//! Handlers that complete a delivery themselves, and note in its claim what became of that.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::{MemoryStore, SharedStore, Store};
use nevent_webhooks::{ClaimState, DedupeOptions, Delivery, Incident};

use crate::support::receiver::Setup;
use crate::support::recorder::Recorder;
use crate::support::{Adapter, Post, Receiver, rows};

rows!(
    a_committed_delivery_is_done_whatever_the_handler_returns,
    a_committed_delivery_loses_no_lease,
    a_staged_delivery_ends_as_the_handler_does,
    a_refused_delivery_is_never_completed,
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

async fn a_staged_delivery_ends_as_the_handler_does(adapter: Adapter) {
    for (status, repeat) in [(StatusCode::OK, 200), (StatusCode::BAD_GATEWAY, 502)] {
        let receiver = noting(adapter, move |delivery| async move {
            delivery.claim().expect("claimed").set_state(ClaimState::Staged);
            status
        });
        let receiver = receiver.start().await;
        receiver.deliver(&Post::new("d")).await.is(status.as_u16(), "");
        assert_eq!(receiver.deliver(&Post::new("d")).await.status, repeat);
        assert_eq!(receiver.runs(), if status.is_success() { 1 } else { 2 });
    }
}

/// Its effect was rolled back.
async fn a_refused_delivery_is_never_completed(adapter: Adapter) {
    let receiver = noting(adapter, |delivery| async move {
        delivery.claim().expect("claimed").set_state(ClaimState::Refused);
        StatusCode::OK
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(200, "");
        assert_eq!(receiver.runs(), runs);
    }
}

//! Calls whose answer, or which themselves, are lost on the way, on every adapter.

use std::sync::Arc;

use axum::http::StatusCode;
use nevent_webhooks::store::{RedisEffects, RedisStore};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{ClaimState, Delivery, Incident};

use crate::complete_with_rows::{claim_of, receiver, sale, sell, sold, times};
use crate::support::Proxy;
use crate::support::acceptance::{Adapter, Post, rows};
use crate::support::held::Bench;

rows!(
    an_answer_that_is_lost_once,
    an_answer_that_is_lost_for_good_and_returned,
    an_answer_that_is_lost_for_good_and_ignored,
    a_call_that_did_not_arrive_and_is_ignored,
);

/// A store behind a proxy, and the proxy. The server knows the script, so that a call is one command.
async fn behind_a_proxy(bench: &Bench) -> (RedisStore, Arc<Proxy>) {
    let first = bench.held("first").await;
    bench.store.complete_with(&first, RedisEffects::new()).await.expect("held");
    let proxy = Proxy::before(bench.server.address()).await;
    let url = bench.server.url_through(proxy.address());
    (RedisStore::connect(&url).await.expect("a server"), Arc::new(proxy))
}

/// The connection breaks, the store sends the call once more, and finds the delivery completed.
async fn an_answer_that_is_lost_once(adapter: Adapter) {
    let bench = Bench::start().await;
    let (store, proxy) = behind_a_proxy(&bench).await;
    let inside = proxy.clone();
    let receiver = receiver(adapter, &store, move |store, delivery| {
        inside.lose_next_answer();
        sell(store, delivery)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    proxy.pass().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), sold(&bench).await, proxy.lost()), (1, times(1), 1));
}

/// Executes the effects, and gets no answer to that.
async fn unanswered(store: &RedisStore, proxy: &Proxy, delivery: &Delivery) -> CompleteError {
    proxy.drop_answers().await;
    let sale = sale(delivery.id().as_str());
    let error = store.complete_with(claim_of(delivery), sale).await.expect_err("no answer");
    assert!(matches!(error, CompleteError::Database(_)), "{error:?}");
    assert_eq!(claim_of(delivery).state(), ClaimState::Staged);
    proxy.pass().await;
    // Calls again until the connection is replaced.
    while store.ready().await.is_err() {}
    error
}

async fn an_answer_that_is_lost_for_good_and_returned(adapter: Adapter) {
    let bench = Bench::start().await;
    let (store, proxy) = behind_a_proxy(&bench).await;
    let receiver = receiver(adapter, &store, move |store, delivery| {
        let proxy = proxy.clone();
        async move { Err(unanswered(&store, &proxy, &delivery).await.into()) }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), sold(&bench).await), (1, times(1)));
}

/// The layer asks the store, and believes the handler.
async fn an_answer_that_is_lost_for_good_and_ignored(adapter: Adapter) {
    let bench = Bench::start().await;
    let (store, proxy) = behind_a_proxy(&bench).await;
    let receiver = receiver(adapter, &store, move |store, delivery| {
        let proxy = proxy.clone();
        async move {
            unanswered(&store, &proxy, &delivery).await;
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), sold(&bench).await), (1, times(1)));
    assert_eq!(receiver.incidents(Incident::NotCommitted), 0);
}

/// The layer asks the store, and does not believe the handler.
async fn a_call_that_did_not_arrive_and_is_ignored(adapter: Adapter) {
    let bench = Bench::start().await;
    let (store, proxy) = behind_a_proxy(&bench).await;
    let receiver = receiver(adapter, &store, move |store, delivery| {
        let proxy = proxy.clone();
        async move {
            proxy.cut().await;
            let sale = sale(delivery.id().as_str());
            store.complete_with(claim_of(&delivery), sale).await.expect_err("no server");
            proxy.pass().await;
            while store.ready().await.is_err() {}
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
    assert_eq!((receiver.runs(), sold(&bench).await), (1, times(0)));
    assert_eq!(receiver.incidents(Incident::NotCommitted), 1);
}

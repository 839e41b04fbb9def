//! Commits whose answer is lost: the effect has happened, and nobody told the handler.

use std::sync::Arc;

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{Incident, Rejection};

use crate::support::acceptance::{Adapter, Post, Receiver, rows};
use crate::support::{Effects, Proxy, Scene, sell, unavailable};

rows!(
    a_commit_whose_answer_was_lost_is_not_repeated,
    a_handlers_own_retry_does_not_repeat_the_effect,
    a_2xx_after_a_lost_answer_is_believed_if_it_is_true,
    a_store_without_transactions_refuses,
);

/// A scene whose handlers reach the server through a proxy.
async fn behind_a_proxy() -> (Scene, Arc<Proxy>) {
    let mut scene = Scene::new().await;
    let proxy = Proxy::before(scene.server.address()).await;
    scene.effects = Effects::at(&url(&proxy)).await;
    (scene, Arc::new(proxy))
}

fn url(proxy: &Proxy) -> String {
    format!("postgres://postgres@{}/postgres", proxy.address())
}

/// Sells and commits. The answer to the commit is lost.
async fn sell_unanswered(
    effects: &Effects,
    delivery: &nevent_webhooks::Delivery,
    proxy: &Proxy,
) -> Result<(), Rejection> {
    let mut client = effects.client().await?;
    let mut transaction = client.transaction().await.map_err(unavailable)?;
    sell(&transaction, delivery.id().as_str()).await?;
    delivery.complete_in(&mut transaction).await?;
    proxy.lose_next_answer();
    transaction.commit().await.map_err(unavailable)
}

async fn a_commit_whose_answer_was_lost_is_not_repeated(adapter: Adapter) {
    let (scene, proxy) = behind_a_proxy().await;
    let receiver = scene.receiver(adapter, move |effects, delivery| {
        let proxy = Arc::clone(&proxy);
        async move {
            sell_unanswered(&effects, &delivery, &proxy).await?;
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 1));
}

async fn a_handlers_own_retry_does_not_repeat_the_effect(adapter: Adapter) {
    let (scene, proxy) = behind_a_proxy().await;
    let receiver = scene.receiver(adapter, move |effects, delivery| {
        let proxy = Arc::clone(&proxy);
        async move {
            sell_unanswered(&effects, &delivery, &proxy).await.expect_err("no answer");
            let mut client = effects.client().await?;
            let transaction = client.transaction().await.map_err(unavailable)?;
            sell(&transaction, delivery.id().as_str()).await?;
            delivery.commit(transaction).await?;
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 1));
}

/// The handler takes the lost answer for a success, and is right.
async fn a_2xx_after_a_lost_answer_is_believed_if_it_is_true(adapter: Adapter) {
    let (scene, proxy) = behind_a_proxy().await;
    let receiver = scene.receiver(adapter, move |effects, delivery| {
        let proxy = Arc::clone(&proxy);
        async move {
            sell_unanswered(&effects, &delivery, &proxy).await.expect_err("no answer");
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), receiver.incidents(Incident::NotCommitted)), (1, 0));
}

async fn a_store_without_transactions_refuses(adapter: Adapter) {
    let scene = Scene::new().await;
    let effects = scene.effects.clone();
    let receiver = Receiver::on(adapter)
        .store(MemoryStore::with_capacity(10).expect("room"))
        .refusing_handler(move |delivery| {
            let effects = effects.clone();
            async move {
                let mut client = effects.client().await?;
                let transaction = client.transaction().await.map_err(unavailable)?;
                sell(&transaction, delivery.id().as_str()).await?;
                delivery.commit(transaction).await?;
                Ok(StatusCode::OK)
            }
        });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
        assert_eq!((receiver.runs(), scene.effects.of("d").await), (runs, 0));
    }
}

//! What a handler has to do with any driver.

use axum::http::StatusCode;
use nevent_webhooks::{Delivery, Incident, Rejection, Store};

use crate::support::acceptance::{Post, Receiver};
use crate::support::{Adapter, Scene, claim};

async fn receiver<F>(
    scene: &Scene,
    handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
) -> Receiver
where
    F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
{
    scene.receiver(Adapter::Axum, move |_, delivery| handler(delivery)).start().await
}

/// The handler is called once, and its effect happens once.
pub async fn sells_once<F>(scene: &Scene, handler: impl Fn(Delivery) -> F + Send + Sync + 'static)
where
    F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
{
    let receiver = receiver(scene, handler).await;
    for number in 0..20 {
        let id = format!("d{number}");
        let post = Post::new(&id).body(id.as_str());
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post).await.is(200, "Already processed");
        assert_eq!(scene.effects.of(&id).await, 1);
    }
    assert_eq!((receiver.runs(), receiver.incidents(Incident::NotCommitted)), (20, 0));
}

/// As above, with many deliveries at once.
pub async fn sells_many_at_once<F>(
    scene: &Scene,
    handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
{
    let receiver = receiver(scene, handler).await;
    let ids: Vec<_> = (0..100).map(|number| format!("m{number}")).collect();
    let all = ids.iter().map(async |id| {
        let post = Post::new(id).body(id.as_str());
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post).await.is(200, "Already processed");
        assert_eq!(scene.effects.of(id).await, 1);
    });
    futures_util::future::join_all(all).await;
}

/// The handler executes the statement, rolls back, and returns 2xx.
pub async fn does_not_commit<F>(
    scene: &Scene,
    handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
{
    let receiver = receiver(scene, handler).await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
        assert_eq!((receiver.runs(), scene.effects.of("d").await), (runs, 0));
    }
}

/// Another attempt takes the delivery before the handler begins its transaction.
pub async fn loses_its_claim<F>(
    scene: &Scene,
    (status, body): (u16, &str),
    handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
{
    let store = scene.store.clone();
    let handler = std::sync::Arc::new(handler);
    let receiver = receiver(scene, move |delivery| {
        let (store, handler) = (store.clone(), handler.clone());
        async move {
            let own = delivery.claim().expect("claimed").claim().clone();
            store.release(&own).await.expect("a server");
            let mut other = claim("d");
            other.fingerprint = own.fingerprint;
            store.claim(&other).await.expect("a server");
            handler(delivery).await
        }
    });
    let receiver = receiver.await;
    receiver.deliver(&Post::new("d")).await.is(status, body);
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 0));
    // The other attempt is still at work.
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
}

/// The delivery is completed before the handler begins its transaction.
pub async fn is_completed_already<F>(
    scene: &Scene,
    (status, body): (u16, &str),
    handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
{
    let store = scene.store.clone();
    let handler = std::sync::Arc::new(handler);
    let receiver = receiver(scene, move |delivery| {
        let (store, handler) = (store.clone(), handler.clone());
        async move {
            let own = delivery.claim().expect("claimed").claim().clone();
            store.complete(&own).await.expect("a server");
            handler(delivery).await
        }
    });
    let receiver = receiver.await;
    receiver.deliver(&Post::new("d")).await.is(status, body);
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 0));
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
}

/// The handler executes the statement within a savepoint.
pub async fn is_in_a_savepoint<F>(
    scene: &Scene,
    handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
) where
    F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
{
    let receiver = receiver(scene, handler).await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    assert_eq!(scene.effects.of("d").await, 0);
}

/// Responses of an attempt that is told by the database that it must not commit.
pub const LOST: (u16, &str) = (409, "Delivery in progress");
pub const COMPLETED: (u16, &str) = (200, "Already processed");

//! Events of a batch, each completed in a transaction of its own.

use axum::http::StatusCode;
use nevent_webhooks::{ClaimHandle, Event, Incident, Rejection};

use crate::support::acceptance::work::batch;
use crate::support::acceptance::{Adapter, Post, Receiver, rows};
use crate::support::{Effects, Scene, sell, unavailable};

rows!(each_event_commits_with_its_effect, an_event_whose_transaction_was_dropped_is_not_done,);

/// A receiver whose handler sells each event in a transaction of its own.
async fn selling<F>(
    scene: &Scene,
    adapter: Adapter,
    sells: impl Fn(Effects, String, ClaimHandle) -> F + Clone + Send + Sync + 'static,
) -> Receiver
where
    F: Future<Output = Result<(), Rejection>> + Send + 'static,
{
    let effects = scene.effects.clone();
    let receiver = Receiver::on(adapter).store(scene.store.clone()).batch_handler(move |batch| {
        let (effects, sells) = (effects.clone(), sells.clone());
        let each = move |event: Event, claim| sells(effects.clone(), event.id, claim);
        async move {
            let report = batch.process_claimed(4, each).await;
            report.into_result().map(|()| StatusCode::OK)
        }
    });
    receiver.start().await
}

async fn each_event_commits_with_its_effect(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = selling(&scene, adapter, |effects, id, claim| async move {
        let mut client = effects.client().await?;
        let transaction = client.transaction().await.map_err(unavailable)?;
        sell(&transaction, &id).await?;
        claim.commit(transaction).await?;
        // The event is done whatever the handler returns.
        if id == "evt_2" { Err(Rejection::HandlerPanicked) } else { Ok(()) }
    });
    let receiver = receiver.await;
    let post = Post::new("d").body(batch(["evt_1", "evt_2", "evt_3"]));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    receiver.deliver(&post).await.is(200, "");
    for id in ["evt_1", "evt_2", "evt_3"] {
        assert_eq!(scene.effects.of(id).await, 1);
    }
}

async fn an_event_whose_transaction_was_dropped_is_not_done(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = selling(&scene, adapter, |effects, id, claim| async move {
        let is_first = effects.of("first").await == 0;
        let mut client = effects.client().await?;
        if is_first && id == "evt_2" {
            client.batch_execute("INSERT INTO effects VALUES ('first')").await.expect("a table");
            let mut transaction = client.transaction().await.map_err(unavailable)?;
            sell(&transaction, &id).await?;
            claim.complete_in(&mut transaction).await?;
            return Ok(());
        }
        let transaction = client.transaction().await.map_err(unavailable)?;
        sell(&transaction, &id).await?;
        Ok(claim.commit(transaction).await?)
    });
    let receiver = receiver.await;
    let post = Post::new("d").body(batch(["evt_1", "evt_2", "evt_3"]));
    receiver.deliver(&post).await.is(500, "Batch incomplete");
    assert_eq!(receiver.incidents(Incident::NotCommitted), 1);
    receiver.deliver(&post).await.is(200, "");
    for id in ["evt_1", "evt_2", "evt_3"] {
        assert_eq!(scene.effects.of(id).await, 1, "{id}");
    }
}

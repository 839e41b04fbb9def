//! Deliveries that the handler completes in its own transaction, on every adapter.

use axum::http::StatusCode;
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{Incident, Store};

use crate::support::acceptance::{Adapter, Post, rows};
use crate::support::{Database, Effects, Scene, claim, sell};

rows!(
    d26_effect_and_record_commit_together,
    d27_a_claim_that_is_no_longer_held,
    d28_rolled_back,
    a_transaction_that_was_staged_and_dropped,
    a_transaction_that_was_staged_and_committed,
    a_statement_that_failed_is_not_believed,
    another_database_has_no_such_claim,
    a_transaction_of_another_kind_is_refused,
    a_savepoint_is_refused,
    a_savepoint_that_was_rolled_back_is_to_be_released,
);

async fn d26_effect_and_record_commit_together(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let transaction = client.transaction().await.expect("a server");
        sell(&transaction, delivery.id().as_str()).await?;
        delivery.commit(transaction).await?;
        // Whatever happens now, the delivery is done.
        Ok(StatusCode::BAD_GATEWAY)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(502, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 1));
}

async fn d27_a_claim_that_is_no_longer_held(adapter: Adapter) {
    let scene = Scene::new().await;
    let store = scene.store.clone();
    let receiver = scene.receiver(adapter, move |effects, delivery| {
        let store = store.clone();
        async move {
            let mut client = effects.client().await?;
            let transaction = client.transaction().await.expect("a server");
            sell(&transaction, delivery.id().as_str()).await?;
            // Another attempt takes the delivery meanwhile.
            let own = delivery.claim().expect("claimed").claim().clone();
            store.release(&own).await.expect("a server");
            let mut other = claim("d");
            other.fingerprint = own.fingerprint;
            store.claim(&other).await.expect("a server");
            delivery.commit(transaction).await?;
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 0));
}

async fn d28_rolled_back(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let mut transaction = client.transaction().await.expect("a server");
        sell(&transaction, delivery.id().as_str()).await?;
        delivery.complete_in(&mut transaction).await?;
        transaction.rollback().await.expect("a server");
        Ok(StatusCode::BAD_GATEWAY)
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(502, "");
        assert_eq!((receiver.runs(), scene.effects.of("d").await), (runs, 0));
    }
    assert_eq!(receiver.incidents(Incident::NotCommitted), 0);
}

/// The handler returns 2xx, and its effect did not happen.
async fn a_transaction_that_was_staged_and_dropped(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let mut transaction = client.transaction().await.expect("a server");
        sell(&transaction, delivery.id().as_str()).await?;
        delivery.complete_in(&mut transaction).await?;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
        assert_eq!((receiver.runs(), scene.effects.of("d").await), (runs, 0));
    }
    assert_eq!(receiver.incidents(Incident::NotCommitted), 2);
}

async fn a_transaction_that_was_staged_and_committed(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let mut transaction = client.transaction().await.expect("a server");
        sell(&transaction, delivery.id().as_str()).await?;
        delivery.complete_in(&mut transaction).await?;
        transaction.commit().await.expect("a server");
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 1));
    assert_eq!(receiver.incidents(Incident::NotCommitted), 0);
}

/// A statement after the completion fails, the handler goes on, and the driver answers the commit of
/// the failed transaction with Ok.
async fn a_statement_that_failed_is_not_believed(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let mut transaction = client.transaction().await.expect("a server");
        sell(&transaction, delivery.id().as_str()).await?;
        delivery.complete_in(&mut transaction).await?;
        transaction.batch_execute("SELECT 1/0").await.expect_err("a division by zero");
        transaction.commit().await.expect("the driver says so");
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
    assert_eq!((receiver.incidents(Incident::NotCommitted), scene.effects.of("d").await), (1, 0));
}

/// The savepoint could be rolled back alone, and the effect committed.
/// With the store's tables, and without.
async fn another_database_has_no_such_claim(adapter: Adapter) {
    for (has_tables, status, text) in
        [(true, 409, "Delivery in progress"), (false, 503, "Try again later")]
    {
        let scene = Scene::new().await;
        let other = Database::new().await;
        if has_tables {
            other.store().await;
        }
        let elsewhere = Effects::at(&other.url()).await;
        let effects = elsewhere.clone();
        let receiver = scene.receiver(adapter, move |_, delivery| {
            let effects = effects.clone();
            async move {
                let mut client = effects.client().await?;
                let transaction = client.transaction().await.expect("a server");
                sell(&transaction, delivery.id().as_str()).await?;
                delivery.commit(transaction).await?;
                Ok(StatusCode::OK)
            }
        });
        let receiver = receiver.start().await;
        for runs in 1..=2 {
            receiver.deliver(&Post::new("d")).await.is(status, text);
            assert_eq!((receiver.runs(), elsewhere.of("d").await), (runs, 0));
        }
    }
}

async fn a_transaction_of_another_kind_is_refused(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |_, delivery| async move {
        let mut sqlite = rusqlite::Connection::open_in_memory().expect("memory");
        let transaction = sqlite.transaction().expect("memory");
        let error = delivery.commit_blocking(transaction).expect_err("PostgreSQL has the record");
        assert!(matches!(error, CompleteError::OtherDatabase { .. }), "{error}");
        Err(error.into())
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
}

async fn a_savepoint_is_refused(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let mut transaction = client.transaction().await.expect("a server");
        sell(&transaction, delivery.id().as_str()).await?;
        let savepoint = transaction.transaction().await.expect("a server");
        delivery.commit(savepoint).await?;
        transaction.commit().await.expect("a server");
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    assert_eq!(scene.effects.of("d").await, 0);
}

/// Drivers leave the savepoint of a nested transaction open that was rolled back.
async fn a_savepoint_that_was_rolled_back_is_to_be_released(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let is_released = effects.of("first").await == 1;
        effects.client().await?.batch_execute("INSERT INTO effects VALUES ('first')").await.ok();
        let mut client = effects.client().await?;
        let mut transaction = client.transaction().await.expect("a server");
        sell(&transaction, delivery.id().as_str()).await?;
        let nested = transaction.transaction().await.expect("a server");
        nested.batch_execute("INSERT INTO effects VALUES (NULL)").await.expect_err("not null");
        nested.rollback().await.expect("a server");
        if is_released {
            transaction.batch_execute("RELEASE SAVEPOINT sp_1").await.expect("it is open");
        }
        delivery.commit(transaction).await?;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    assert_eq!(scene.effects.of("d").await, 0);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(scene.effects.of("d").await, 1);
}

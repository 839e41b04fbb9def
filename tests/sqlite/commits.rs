//! Deliveries that the handler completes in its own transaction, on every adapter.

use axum::http::StatusCode;
use nevent_webhooks::store::{SqliteStore, Store};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{Delivery, Incident, Rejection};
use rusqlite::TransactionBehavior::{Deferred, Immediate};

use crate::support::acceptance::receiver::Setup;
use crate::support::acceptance::{Adapter, Post, Receiver, rows};
use crate::support::effects::{Effects, blocking, sell};
use crate::support::{Directory, claim};

rows!(
    d26_effect_and_record_commit_together,
    d27_a_claim_that_is_no_longer_held,
    d27_a_delivery_that_another_attempt_has_completed,
    d28_rolled_back,
    a_transaction_that_was_staged_and_dropped,
    a_transaction_that_was_staged_and_committed,
    a_transaction_that_sqlite_has_rolled_back,
    a_transaction_that_has_read_what_changed_since,
    a_savepoint_that_was_rolled_back_is_noticed,
);

/// A file, its store, and the handlers' table.
struct Scene {
    store: SqliteStore,
    effects: Effects,
    /// Last, so that the others end before it.
    _directory: Directory,
}

async fn scene() -> Scene {
    let directory = Directory::new();
    let store = directory.store().await;
    Scene { store, effects: Effects::new(&directory), _directory: directory }
}

impl Scene {
    /// A receiver whose handler blocks.
    fn receiver(
        &self,
        adapter: Adapter,
        handler: impl Fn(&Effects, &Delivery) -> Result<StatusCode, Rejection>
        + Copy
        + Send
        + Sync
        + 'static,
    ) -> Setup {
        let effects = self.effects.clone();
        Receiver::on(adapter).store(self.store.clone()).refusing_handler(move |delivery| {
            let effects = effects.clone();
            blocking(move || handler(&effects, &delivery))
        })
    }

    /// The same, after another attempt has taken the delivery, and has perhaps completed it.
    fn receiver_that_lost_its_claim(&self, adapter: Adapter, completed: bool) -> Setup {
        let (effects, store) = (self.effects.clone(), self.store.clone());
        Receiver::on(adapter).store(store.clone()).refusing_handler(move |delivery| {
            let (effects, store) = (effects.clone(), store.clone());
            async move {
                let own = delivery.claim().expect("claimed").claim().clone();
                store.release(&own).await.expect("a file");
                let mut other = claim("d");
                other.fingerprint = own.fingerprint;
                store.claim(&other).await.expect("a file");
                if completed {
                    store.complete(&other).await.expect("a file");
                }
                blocking(move || refused(&effects, &delivery)).await
            }
        })
    }
}

/// The completion fails. A handler that goes on all the same can commit nothing.
fn refused(effects: &Effects, delivery: &Delivery) -> Result<StatusCode, Rejection> {
    let mut connection = effects.connection();
    let mut transaction = connection.transaction_with_behavior(Immediate).expect("a file");
    sell(&transaction, delivery.id().as_str());
    let error = delivery.complete_in_blocking(&mut transaction).expect_err("another's");
    let committed = transaction.commit().expect_err("nothing to commit");
    assert_eq!(committed.to_string(), "cannot commit - no transaction is active");
    Err(error.into())
}

async fn d26_effect_and_record_commit_together(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver(adapter, |effects, delivery| {
        let mut connection = effects.connection();
        let transaction = connection.transaction_with_behavior(Immediate).expect("a file");
        sell(&transaction, delivery.id().as_str());
        delivery.commit_blocking(transaction)?;
        // Whatever happens now, the delivery is done.
        Ok(StatusCode::BAD_GATEWAY)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(502, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d")), (1, 1));
}

async fn d27_a_claim_that_is_no_longer_held(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver_that_lost_its_claim(adapter, false).start().await;
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    assert_eq!((receiver.runs(), scene.effects.of("d")), (1, 0));
}

async fn d27_a_delivery_that_another_attempt_has_completed(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver_that_lost_its_claim(adapter, true).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d")), (1, 0));
}

async fn d28_rolled_back(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver(adapter, |effects, delivery| {
        let mut connection = effects.connection();
        let mut transaction = connection.transaction_with_behavior(Immediate).expect("a file");
        sell(&transaction, delivery.id().as_str());
        delivery.complete_in_blocking(&mut transaction)?;
        transaction.rollback().expect("a transaction");
        Ok(StatusCode::BAD_GATEWAY)
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(502, "");
        assert_eq!((receiver.runs(), scene.effects.of("d")), (runs, 0));
    }
    assert_eq!(receiver.incidents(Incident::NotCommitted), 0);
}

/// The handler returns 2xx, and its effect did not happen.
async fn a_transaction_that_was_staged_and_dropped(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver(adapter, |effects, delivery| {
        let mut connection = effects.connection();
        let mut transaction = connection.transaction_with_behavior(Immediate).expect("a file");
        sell(&transaction, delivery.id().as_str());
        delivery.complete_in_blocking(&mut transaction)?;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
        assert_eq!((receiver.runs(), scene.effects.of("d")), (runs, 0));
    }
    assert_eq!(receiver.incidents(Incident::NotCommitted), 2);
}

async fn a_transaction_that_was_staged_and_committed(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver(adapter, |effects, delivery| {
        let mut connection = effects.connection();
        // Deferred, it takes the lock with its first write.
        let mut transaction = connection.transaction_with_behavior(Deferred).expect("a file");
        sell(&transaction, delivery.id().as_str());
        delivery.complete_in_blocking(&mut transaction)?;
        transaction.commit().expect("a transaction");
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d")), (1, 1));
    assert_eq!(receiver.incidents(Incident::NotCommitted), 0);
}

/// SQLite rolls a transaction back by itself when the disk is full, for example. If the handler does
/// not notice, its completion would be committed without the effect.
async fn a_transaction_that_sqlite_has_rolled_back(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver(adapter, |effects, delivery| {
        let mut connection = effects.connection();
        let transaction = connection.transaction_with_behavior(Immediate).expect("a file");
        sell(&transaction, delivery.id().as_str());
        let full = "INSERT OR ROLLBACK INTO effects VALUES (NULL)";
        transaction.execute_batch(full).expect_err("NULL is no id");
        delivery.commit_blocking(transaction)?;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
        assert_eq!((receiver.runs(), scene.effects.of("d")), (runs, 0));
    }
}

/// A deferred transaction keeps to the state that it has read, and SQLite lets it write no more.
async fn a_transaction_that_has_read_what_changed_since(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver(adapter, |effects, delivery| {
        let mut connection = effects.connection();
        let transaction = connection.transaction_with_behavior(Deferred).expect("a file");
        let count = "SELECT count(*) FROM effects";
        transaction.query_row(count, [], |_| Ok(())).expect("a table");
        effects.connection().execute("INSERT INTO effects VALUES ('other')", []).expect("a table");
        delivery.commit_blocking(transaction)?;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    assert_eq!((receiver.runs(), scene.effects.of("d")), (1, 0));
}

/// The completion alone is rolled back, and the effect committed. No statement can prevent that in
/// SQLite, but the sender is not told that all is well.
async fn a_savepoint_that_was_rolled_back_is_noticed(adapter: Adapter) {
    let scene = scene().await;
    let receiver = scene.receiver(adapter, |effects, delivery| {
        let mut connection = effects.connection();
        let mut transaction = connection.transaction_with_behavior(Immediate).expect("a file");
        sell(&transaction, delivery.id().as_str());
        transaction.execute_batch("SAVEPOINT inner").expect("a transaction");
        delivery.complete_in_blocking(&mut transaction)?;
        transaction.execute_batch("ROLLBACK TO inner").expect("a savepoint");
        transaction.commit().expect("a transaction");
        Ok(StatusCode::OK)
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
    assert_eq!(receiver.incidents(Incident::NotCommitted), 1);
}

/// The other store has no statement for a transaction.
#[tokio::test]
async fn records_in_memory_cannot_be_completed_in_a_transaction() {
    let directory = Directory::new();
    let effects = Effects::new(&directory);
    let receiver = Receiver::on(Adapter::Axum).refusing_handler(move |delivery| {
        let effects = effects.clone();
        blocking(move || {
            let mut connection = effects.connection();
            let transaction = connection.transaction().expect("a file");
            let error = delivery.commit_blocking(transaction).expect_err("no statement");
            assert!(matches!(error, CompleteError::NotTransactional), "{error}");
            Err::<StatusCode, _>(error.into())
        })
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
}

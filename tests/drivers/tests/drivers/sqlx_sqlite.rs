//! sqlx on the file of a `SqliteStore`.

use std::path::PathBuf;

use axum::extract::State;
use axum::http::StatusCode;
use nevent_webhooks::store::SqliteStore;
use nevent_webhooks::{Delivery, Rejection, Store};
use nevent_webhooks_drivers::sqlx_sqlite::sell_ticket;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Acquire, SqlitePool};

use crate::support::acceptance::{Post, Receiver};
use crate::support::{Adapter, claim};

/// A file in a directory of its own, its store, and the handlers' pool.
struct Scene {
    store: SqliteStore,
    pool: SqlitePool,
    directory: PathBuf,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let name = format!("sqlx-sqlite-{name}-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("a new directory");
        let file = directory.join("shop.db");
        let store = SqliteStore::open(&file).await.expect("a file");
        let options = SqliteConnectOptions::new().filename(&file);
        let pool = SqlitePool::connect_with(options.synchronous(SqliteSynchronous::Full)).await;
        let pool = pool.expect("a file");
        let table = "CREATE TABLE effects (id text NOT NULL)";
        sqlx::query(table).execute(&pool).await.expect("a file");
        Self { store, pool, directory }
    }

    async fn receiver<F>(&self, handler: impl Fn(Delivery) -> F + Send + Sync + 'static) -> Receiver
    where
        F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
    {
        let setup = Receiver::on(Adapter::Axum).store(self.store.clone());
        setup.refusing_handler(handler).start().await
    }

    async fn effects_of(&self, id: &str) -> i64 {
        let count = "SELECT count(*) FROM effects WHERE id = ?1";
        sqlx::query_scalar(count).bind(id).fetch_one(&self.pool).await.expect("a table")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effect_and_record_are_committed_together() {
    let scene = Scene::new("commit").await;
    let pool = scene.pool.clone();
    let receiver = scene.receiver(move |delivery| sell_ticket(State(pool.clone()), delivery)).await;
    for number in 0..20 {
        let id = format!("d{number}");
        let post = Post::new(&id).body(id.as_str());
        receiver.deliver(&post).await.is(200, "");
        receiver.deliver(&post).await.is(200, "Already processed");
        assert_eq!(scene.effects_of(&id).await, 1);
    }
    assert_eq!(receiver.runs(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_was_lost_and_a_delivery_that_is_completed() {
    for completed in [false, true] {
        let scene = Scene::new(if completed { "completed" } else { "lost" }).await;
        let (pool, store) = (scene.pool.clone(), scene.store.clone());
        let receiver = scene.receiver(move |delivery| {
            let (pool, store) = (pool.clone(), store.clone());
            async move {
                let own = delivery.claim().expect("claimed").claim().clone();
                store.release(&own).await.expect("a file");
                let mut other = claim("d");
                other.fingerprint = own.fingerprint;
                store.claim(&other).await.expect("a file");
                if completed {
                    store.complete(&other).await.expect("a file");
                }
                sell_ticket(State(pool), delivery).await
            }
        });
        let receiver = receiver.await;
        let (status, body) =
            if completed { (200, "Already processed") } else { (409, "Delivery in progress") };
        receiver.deliver(&Post::new("d")).await.is(status, body);
        assert_eq!((receiver.runs(), scene.effects_of("d").await), (1, 0));
    }
}

/// The handler returns 2xx, and its effect did not happen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_rolled_back() {
    let scene = Scene::new("rollback").await;
    let pool = scene.pool.clone();
    let receiver = scene.receiver(move |delivery| {
        let pool = pool.clone();
        async move {
            let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.expect("a file");
            let insert = sqlx::query("INSERT INTO effects VALUES ('d')");
            insert.execute(&mut *transaction).await.expect("a table");
            delivery.complete_in(&mut transaction).await?;
            transaction.rollback().await.expect("a file");
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
        assert_eq!((receiver.runs(), scene.effects_of("d").await), (runs, 0));
    }
}

/// A refused completion rolls the transaction back. The connection, the only one, goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_whose_completion_was_refused_can_be_used_again() {
    let scene = Scene::new("again").await;
    let file = scene.directory.join("shop.db");
    let options = SqliteConnectOptions::new().filename(file);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await;
    let (pool, store) = (pool.expect("a file"), scene.store.clone());
    let receiver = scene.receiver(move |delivery| {
        let (pool, store) = (pool.clone(), store.clone());
        async move {
            if delivery.id().as_str() == "lost" {
                let own = delivery.claim().expect("claimed").claim();
                store.release(own).await.expect("a file");
            }
            if delivery.id().as_str() == "fails" {
                let mut transaction = pool.begin().await.expect("a connection");
                let insert = sqlx::query("INSERT INTO effects VALUES ('fails')");
                insert.execute(&mut *transaction).await.expect("a table");
                return Ok(StatusCode::BAD_GATEWAY);
            }
            sell_ticket(State(pool), delivery).await
        }
    });
    let receiver = receiver.await;
    for (id, status) in [("lost", 409), ("fails", 502), ("d1", 200), ("lost", 409), ("d2", 200)] {
        assert_eq!(receiver.deliver(&Post::new(id).body(id)).await.status, status, "{id}");
        assert_eq!(scene.effects_of(id).await, i64::from(status == 200), "{id}");
    }
}

/// The commit of a savepoint commits nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint() {
    let scene = Scene::new("savepoint").await;
    let pool = scene.pool.clone();
    let receiver = scene.receiver(move |delivery| {
        let pool = pool.clone();
        async move {
            let mut outer = pool.begin_with("BEGIN IMMEDIATE").await.expect("a file");
            let mut inner = outer.begin().await.expect("a file");
            let insert = sqlx::query("INSERT INTO effects VALUES ('d')");
            insert.execute(&mut *inner).await.expect("a table");
            delivery.commit(inner).await?;
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.await;
    receiver.deliver(&Post::new("d")).await.is(500, "Not committed");
    assert_eq!(scene.effects_of("d").await, 0);
}

/// SQLite rolls a transaction back by itself after some errors. A completion would then be committed
/// alone, and the effect would be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_sqlite_has_rolled_back() {
    let scene = Scene::new("autocommit").await;
    let pool = scene.pool.clone();
    let receiver = scene.receiver(move |delivery| {
        let pool = pool.clone();
        async move {
            let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.expect("a file");
            let insert = sqlx::query("INSERT INTO effects VALUES ('d')");
            insert.execute(&mut *transaction).await.expect("a table");
            let rolls_back = sqlx::query("INSERT OR ROLLBACK INTO effects VALUES (NULL)");
            rolls_back.execute(&mut *transaction).await.expect_err("not null");
            delivery.commit(transaction).await?;
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
        assert_eq!((receiver.runs(), scene.effects_of("d").await), (runs, 0));
    }
}

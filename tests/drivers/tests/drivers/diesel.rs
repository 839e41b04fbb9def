use axum::extract::State;
use axum::http::StatusCode;
use diesel::sql_types::Text;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use nevent_webhooks::{Delivery, Rejection};
use nevent_webhooks_drivers::diesel_async::{NotSold, complete, sell_ticket};

use crate::scenarios::{
    does_not_commit, is_completed_already, is_in_a_savepoint, loses_its_claim, sells_once,
};
use crate::support::Scene;

/// The handler cannot see why the database refused the statement.
const REFUSED: (u16, &str) = (503, "Try again later");

fn pool(scene: &Scene) -> Pool<AsyncPgConnection> {
    let manager = AsyncDieselConnectionManager::new(scene.server.url());
    Pool::builder(manager).max_size(4).build().expect("a pool")
}

async fn insert(connection: &mut AsyncPgConnection, delivery: &Delivery) -> Result<(), NotSold> {
    let insert = diesel::sql_query("INSERT INTO effects VALUES ($1)");
    insert.bind::<Text, _>(delivery.id().as_str()).execute(connection).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effect_and_record_are_committed_together() {
    let scene = Scene::new().await;
    let pool = pool(&scene);
    sells_once(&scene, move |delivery| sell_ticket(State(pool.clone()), delivery)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_rolled_back() {
    let scene = Scene::new().await;
    let pool = pool(&scene);
    does_not_commit(&scene, move |delivery| roll_back(pool.clone(), delivery)).await;
}

async fn roll_back(
    pool: Pool<AsyncPgConnection>,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let mut connection = pool.get().await.expect("a server");
    let rolled_back = connection.transaction(async |connection| {
        insert(connection, &delivery).await?;
        complete(connection, &delivery).await?;
        Err::<(), NotSold>(diesel::result::Error::RollbackTransaction.into())
    });
    rolled_back.await.expect_err("rolled back");
    Ok(StatusCode::OK)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_was_lost() {
    let scene = Scene::new().await;
    let pool = pool(&scene);
    let handler = move |delivery| sell_ticket(State(pool.clone()), delivery);
    loses_its_claim(&scene, REFUSED, handler).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_is_completed() {
    let scene = Scene::new().await;
    let pool = pool(&scene);
    let handler = move |delivery| sell_ticket(State(pool.clone()), delivery);
    is_completed_already(&scene, REFUSED, handler).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint() {
    let scene = Scene::new().await;
    let pool = pool(&scene);
    is_in_a_savepoint(&scene, move |delivery| nest(pool.clone(), delivery)).await;
}

async fn nest(pool: Pool<AsyncPgConnection>, delivery: Delivery) -> Result<StatusCode, Rejection> {
    let mut connection = pool.get().await.expect("a server");
    let nested = connection.transaction(async |connection| {
        insert(connection, &delivery).await?;
        let inner =
            connection.transaction(async |connection| complete(connection, &delivery).await);
        inner.await
    });
    nested.await?;
    Ok(StatusCode::OK)
}

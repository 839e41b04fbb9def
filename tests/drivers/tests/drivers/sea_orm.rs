use axum::extract::State;
use axum::http::StatusCode;
use nevent_webhooks::{Delivery, Rejection};
use nevent_webhooks_drivers::sea_orm::{complete, sell_ticket};
use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, Statement,
    TransactionTrait,
};

use crate::scenarios::{
    COMPLETED, LOST, does_not_commit, is_completed_already, is_in_a_savepoint, loses_its_claim,
    sells_once,
};
use crate::support::Scene;

async fn database(scene: &Scene) -> DatabaseConnection {
    Database::connect(scene.server.url()).await.expect("a server")
}

async fn insert(transaction: &DatabaseTransaction, delivery: &Delivery) {
    let (sql, id) = ("INSERT INTO effects VALUES ($1)", delivery.id().as_str());
    let insert = Statement::from_sql_and_values(DbBackend::Postgres, sql, [id.into()]);
    transaction.execute_raw(insert).await.expect("a server");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effect_and_record_are_committed_together() {
    let scene = Scene::new().await;
    let database = database(&scene).await;
    sells_once(&scene, move |delivery| sell_ticket(State(database.clone()), delivery)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_rolled_back() {
    let scene = Scene::new().await;
    let database = database(&scene).await;
    does_not_commit(&scene, move |delivery| roll_back(database.clone(), delivery)).await;
}

async fn roll_back(
    database: DatabaseConnection,
    delivery: Delivery,
) -> Result<StatusCode, Rejection> {
    let transaction = database.begin().await.expect("a server");
    insert(&transaction, &delivery).await;
    complete(&transaction, &delivery).await?;
    Ok(StatusCode::OK)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_was_lost() {
    let scene = Scene::new().await;
    let database = database(&scene).await;
    let handler = move |delivery| sell_ticket(State(database.clone()), delivery);
    loses_its_claim(&scene, LOST, handler).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_is_completed() {
    let scene = Scene::new().await;
    let database = database(&scene).await;
    let handler = move |delivery| sell_ticket(State(database.clone()), delivery);
    is_completed_already(&scene, COMPLETED, handler).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_savepoint() {
    let scene = Scene::new().await;
    let database = database(&scene).await;
    is_in_a_savepoint(&scene, move |delivery| nest(database.clone(), delivery)).await;
}

async fn nest(database: DatabaseConnection, delivery: Delivery) -> Result<StatusCode, Rejection> {
    let transaction = database.begin().await.expect("a server");
    insert(&transaction, &delivery).await;
    let savepoint = transaction.begin().await.expect("a server");
    complete(&savepoint, &delivery).await?;
    savepoint.commit().await.expect("a server");
    transaction.commit().await.expect("a server");
    Ok(StatusCode::OK)
}

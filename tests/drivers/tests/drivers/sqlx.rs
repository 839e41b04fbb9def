//! The same tests for both versions of sqlx.

use crate::scenarios::{
    COMPLETED, LOST, does_not_commit, is_completed_already, is_in_a_savepoint, loses_its_claim,
    sells_once,
};

macro_rules! with {
    ($version:ident, $handler:ident, $sqlx:ident) => {
        mod $version {
            use ::$sqlx::{Acquire, PgPool, Postgres, Transaction, query};
            use axum::extract::State;
            use axum::http::StatusCode;
            use nevent_webhooks::{Delivery, Rejection};
            use nevent_webhooks_drivers::$handler::sell_ticket;

            use super::*;
            use crate::support::Scene;

            async fn scene() -> (Scene, PgPool) {
                let scene = Scene::new().await;
                let pool = PgPool::connect(&scene.server.url()).await.expect("a server");
                (scene, pool)
            }

            async fn insert(transaction: &mut Transaction<'_, Postgres>, delivery: &Delivery) {
                let insert = query("INSERT INTO effects VALUES ($1)");
                let insert = insert.bind(delivery.id().as_str()).execute(&mut **transaction);
                insert.await.expect("a server");
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn effect_and_record_are_committed_together() {
                let (scene, pool) = scene().await;
                sells_once(&scene, move |delivery| sell_ticket(State(pool.clone()), delivery))
                    .await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_transaction_that_is_rolled_back() {
                let (scene, pool) = scene().await;
                does_not_commit(&scene, move |delivery| roll_back(pool.clone(), delivery)).await;
            }

            async fn roll_back(pool: PgPool, delivery: Delivery) -> Result<StatusCode, Rejection> {
                let mut transaction = pool.begin().await.expect("a server");
                insert(&mut transaction, &delivery).await;
                delivery.complete_in(&mut transaction).await?;
                transaction.rollback().await.expect("a server");
                Ok(StatusCode::OK)
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_claim_that_was_lost() {
                let (scene, pool) = scene().await;
                let handler = move |delivery| sell_ticket(State(pool.clone()), delivery);
                loses_its_claim(&scene, LOST, handler).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_delivery_that_is_completed() {
                let (scene, pool) = scene().await;
                let handler = move |delivery| sell_ticket(State(pool.clone()), delivery);
                is_completed_already(&scene, COMPLETED, handler).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_savepoint() {
                let (scene, pool) = scene().await;
                is_in_a_savepoint(&scene, move |delivery| nest(pool.clone(), delivery)).await;
            }

            async fn nest(pool: PgPool, delivery: Delivery) -> Result<StatusCode, Rejection> {
                let mut transaction = pool.begin().await.expect("a server");
                insert(&mut transaction, &delivery).await;
                let savepoint = transaction.begin().await.expect("a server");
                delivery.commit(savepoint).await?;
                transaction.commit().await.expect("a server");
                Ok(StatusCode::OK)
            }
        }
    };
}

with!(version_0_8, sqlx_0_8, sqlx_0_8);
with!(version_0_9, sqlx_0_9, sqlx);

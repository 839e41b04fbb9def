use axum::extract::State;
use deadpool_postgres::{Manager, Pool};
use nevent_webhooks_drivers::deadpool_postgres::sell_ticket;
use tokio_postgres::NoTls;

use crate::scenarios::{COMPLETED, LOST, is_completed_already, loses_its_claim, sells_once};
use crate::support::Scene;

pub fn pool(url: &str) -> Pool {
    let manager = Manager::new(url.parse().expect("a URL"), NoTls);
    Pool::builder(manager).max_size(4).build().expect("a pool")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn effect_and_record_are_committed_together() {
    let scene = Scene::new().await;
    let pool = pool(&scene.server.url());
    sells_once(&scene, move |delivery| sell_ticket(State(pool.clone()), delivery)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_that_was_lost() {
    let scene = Scene::new().await;
    let pool = pool(&scene.server.url());
    loses_its_claim(&scene, LOST, move |delivery| sell_ticket(State(pool.clone()), delivery)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_that_is_completed() {
    let scene = Scene::new().await;
    let pool = pool(&scene.server.url());
    let handler = move |delivery| sell_ticket(State(pool.clone()), delivery);
    is_completed_already(&scene, COMPLETED, handler).await;
}

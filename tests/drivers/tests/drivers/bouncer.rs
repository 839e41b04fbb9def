//! PgBouncer in transaction mode, which gives each transaction any of its connections to the server.
//! A statement that a driver has named and kept may then meet a connection that lacks it, or that has
//! another one of this name.
//!
//! Diesel and `SeaORM` name their statements, so they are not here: one connection or transaction in a
//! few fails. They need session mode, or a connection to the server itself. `sqlx` needs no more than
//! the tests show. Its `statement_cache_capacity(0)` makes nothing better, because its statements keep
//! their names, and a statement without a name needs a transaction around it.

use axum::extract::State;
use nevent_webhooks::Delivery;

use crate::scenarios::sells_many_at_once;
use crate::support::{Bouncer, Scene};

async fn behind(settings: &[&str]) -> (Scene, Bouncer) {
    let scene = Scene::new().await;
    let settings: Vec<_> = settings.iter().copied().chain(["default_pool_size=2"]).collect();
    let bouncer = Bouncer::before(&scene.server, &settings).await;
    (scene, bouncer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_deadpool() {
    use nevent_webhooks_drivers::deadpool_postgres::sell_ticket;

    let (scene, bouncer) = behind(&[]).await;
    let pool = crate::deadpool::pool(&bouncer.url());
    sells_many_at_once(&scene, move |delivery| sell_ticket(State(pool.clone()), delivery)).await;
}

/// The tests for one version of sqlx.
macro_rules! with_sqlx {
    ($version:ident, $handler:ident, $sqlx:ident) => {
        mod $version {
            use ::$sqlx::PgPool;
            use ::$sqlx::postgres::{PgConnectOptions, PgPoolOptions};
            use nevent_webhooks_drivers::$handler::sell_ticket;

            use super::*;

            async fn sells_through(pool: PgPool, scene: &Scene) {
                let handler = move |delivery: Delivery| sell_ticket(State(pool.clone()), delivery);
                sells_many_at_once(scene, handler).await;
            }

            /// The bouncer refuses connections with a parameter that it does not know.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn without_the_parameter_that_it_refuses() {
                let (scene, bouncer) = behind(&[]).await;
                let error = PgPool::connect(&bouncer.url()).await.expect_err("refused");
                let said = "unsupported startup parameter: extra_float_digits";
                assert!(error.to_string().contains(said), "{error}");
                let options: PgConnectOptions = bouncer.url().parse().expect("a URL");
                let options = options.extra_float_digits(None);
                let pool = PgPoolOptions::new().max_connections(8).connect_with(options).await;
                sells_through(pool.expect("a server"), &scene).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn with_a_bouncer_that_ignores_the_parameter() {
                let ignoring = "ignore_startup_parameters=extra_float_digits";
                let (scene, bouncer) = behind(&[ignoring]).await;
                let pool = PgPool::connect(&bouncer.url()).await.expect("a server");
                sells_through(pool, &scene).await;
            }
        }
    };
}

with_sqlx!(sqlx_version_0_8, sqlx_0_8, sqlx_0_8);
with_sqlx!(sqlx_version_0_9, sqlx_0_9, sqlx);

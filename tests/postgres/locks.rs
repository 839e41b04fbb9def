//! What happens while a handler's transaction holds its delivery's row, and what the isolation of
//! transactions has to do with it.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::store::{ClaimAnswer, PostgresOptions, PostgresStore};
use nevent_webhooks::{DedupeOptions, Incident, Store};
use tokio_postgres::IsolationLevel;

use crate::support::acceptance::{Adapter, Gate, Post, rows};
use crate::support::{Effects, PATIENCE, Scene, Server, claim, sell, unavailable};

rows!(
    a_repeat_does_not_wait_for_a_commit,
    a_row_that_is_locked_beyond_its_lease_stays_in_flight,
    work_after_the_commit_loses_no_lease,
    a_renewal_makes_repeatable_read_fail_and_the_retry_heals_it,
    handlers_that_hold_all_their_connections_lose_no_lease,
);

fn hurried() -> DedupeOptions {
    let (deadline, store) = (Duration::from_millis(900), Duration::from_millis(800));
    DedupeOptions::new().response_deadline(deadline).store_timeout(store).lease(deadline * 3)
}

/// A receiver whose handlers complete their delivery, wait at the gate, and commit.
fn committing_late(
    scene: &Scene,
    adapter: Adapter,
) -> (crate::support::acceptance::receiver::Setup, Gate) {
    let gate = Gate::closed();
    let inside = gate.clone();
    let setup = scene.receiver(adapter, move |effects, delivery| {
        let gate = inside.clone();
        async move {
            let mut client = effects.client().await?;
            let mut transaction = client.transaction().await.map_err(unavailable)?;
            sell(&transaction, delivery.id().as_str()).await?;
            delivery.complete_in(&mut transaction).await?;
            gate.pass().await;
            transaction.commit().await.map_err(unavailable)?;
            Ok(StatusCode::OK)
        }
    });
    (setup, gate)
}

/// An insert of the claim would wait for the transaction.
async fn a_repeat_does_not_wait_for_a_commit(adapter: Adapter) {
    let scene = Scene::new().await;
    let (setup, gate) = committing_late(&scene, adapter);
    let receiver = setup.start().await;
    let mut first = receiver.start(&Post::new("d")).await;
    row_is_locked(&scene, "d").await;
    let begun = Instant::now();
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    gate.let_pass(1);
    first.reply().await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 1));
}

async fn a_row_that_is_locked_beyond_its_lease_stays_in_flight(adapter: Adapter) {
    let scene = Scene::new().await;
    let (setup, gate) = committing_late(&scene, adapter);
    let receiver = setup.options(hurried()).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    tokio::time::sleep(Duration::from_secs(3)).await;
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (1, 1));
}

async fn work_after_the_commit_loses_no_lease(adapter: Adapter) {
    let scene = Scene::new().await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let transaction = client.transaction().await.map_err(unavailable)?;
        sell(&transaction, delivery.id().as_str()).await?;
        delivery.commit(transaction).await?;
        tokio::time::sleep(Duration::from_secs(4)).await;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.options(hurried()).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    receiver.idle().await;
    assert_eq!((receiver.runs(), receiver.incidents(Incident::LeaseLost)), (1, 0));
}

async fn a_renewal_makes_repeatable_read_fail_and_the_retry_heals_it(adapter: Adapter) {
    let scene = Scene::new().await;
    let store = scene.store.clone();
    let receiver = scene.receiver(adapter, move |effects, delivery| {
        let store = store.clone();
        async move {
            let mut client = effects.client().await?;
            let transaction = client.build_transaction();
            let transaction = transaction.isolation_level(IsolationLevel::RepeatableRead);
            let transaction = transaction.start().await.map_err(unavailable)?;
            sell(&transaction, delivery.id().as_str()).await?;
            if effects.of("renewed").await == 0 {
                let claim = delivery.claim().expect("claimed").claim();
                store.renew(claim).await.expect("a server");
                let other = effects.client().await?;
                other.batch_execute("INSERT INTO effects VALUES ('renewed')").await.expect("room");
            }
            delivery.commit(transaction).await?;
            Ok(StatusCode::OK)
        }
    });
    let receiver = receiver.start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    assert_eq!(scene.effects.of("d").await, 0);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!((receiver.runs(), scene.effects.of("d").await), (2, 1));
}

/// With one pool for the store and the handlers, no lease could be renewed.
async fn handlers_that_hold_all_their_connections_lose_no_lease(adapter: Adapter) {
    let mut scene = Scene::new().await;
    scene.effects = Effects::with_connections(&scene.server.url(), 2).await;
    let receiver = scene.receiver(adapter, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let transaction = client.transaction().await.map_err(unavailable)?;
        sell(&transaction, delivery.id().as_str()).await?;
        tokio::time::sleep(Duration::from_millis(1200)).await;
        delivery.commit(transaction).await?;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.options(hurried()).start().await;
    let post = |number| Post::new(&format!("d{number}")).body(format!("{number}"));
    let posts: Vec<_> = (0..8).map(post).collect();
    for reply in futures_util::future::join_all(posts.iter().map(|p| receiver.deliver(p))).await {
        reply.is(503, "Still processing");
    }
    receiver.idle().await;
    for number in 0..8 {
        assert_eq!(scene.effects.of(&format!("d{number}")).await, 1);
    }
    assert_eq!((receiver.runs(), receiver.incidents(Incident::LeaseLost)), (8, 0));
}

/// Waits until a transaction holds the row of this delivery.
async fn row_is_locked(scene: &Scene, id: &str) {
    let client = scene.server.client().await;
    let free = "SELECT count(*) FROM (SELECT FROM nevent_webhooks.records WHERE id = $1 \
        FOR UPDATE SKIP LOCKED) r";
    let begun = Instant::now();
    loop {
        let exists = "SELECT count(*) FROM nevent_webhooks.records WHERE id = $1";
        let exists: i64 = client.query_one(exists, &[&id]).await.expect("a table").get(0);
        let free: i64 = client.query_one(free, &[&id]).await.expect("a table").get(0);
        if exists == 1 && free == 0 {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "no transaction holds the row of {id}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A transaction that never ends holds the row: the store says so after a second.
#[tokio::test]
async fn the_store_does_not_wait_for_ever_for_a_row() {
    let scene = Scene::new().await;
    let options = PostgresOptions::new().command_timeout(Duration::from_secs(5));
    let store = PostgresStore::open(&scene.server.url(), options).await.expect("a server");
    let claim = claim("d");
    store.claim(&claim).await.expect("a server");
    let holds = scene.server.client().await;
    let lock = "BEGIN; SELECT FROM nevent_webhooks.records WHERE id = 'd' FOR UPDATE";
    holds.batch_execute(lock).await.expect("a table");
    let begun = Instant::now();
    for error in [store.release(&claim).await.err(), store.complete(&claim).await.err()] {
        let error = std::error::Error::source(&error.expect("locked")).map(ToString::to_string);
        let error = error.unwrap_or_default();
        assert!(error.contains("idle_in_transaction_session_timeout"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    holds.batch_execute("ROLLBACK").await.expect("a server");
    store.complete(&claim).await.expect("a server");
}

/// No standby ever answers, so that a claim that waits for its commit waits for ever.
#[tokio::test]
async fn asynchronous_claims_do_not_wait_for_the_disk() {
    let server = Server::start().await;
    let waiting = server.store().await;
    let options = PostgresOptions::new().asynchronous_claims(true);
    let store = PostgresStore::open(&server.url(), options).await.expect("a migrated server");
    server.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    server.execute("SELECT pg_reload_conf()").await;
    let loaded = async || {
        let client = server.client().await;
        let row = client.query_one("SHOW synchronous_standby_names", &[]).await.expect("a server");
        row.get::<_, String>(0) == "nobody"
    };
    let begun = Instant::now();
    while !loaded().await {
        assert!(begun.elapsed() < PATIENCE, "the server does not read its settings");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(store.claim(&claim("a")).await.expect("at once"), ClaimAnswer::Acquired);
    waiting.claim(&claim("b")).await.expect_err("it waits for the standby");
    store.complete(&claim("a")).await.expect_err("a completion always waits");
}

/// A lease that began while the clock was ahead ends at the latest its own length after the next
/// claim.
#[tokio::test]
async fn a_clock_that_was_set_back_holds_no_lease_for_long() {
    let server = Server::start().await;
    let store = server.store().await;
    let mut first = claim("d");
    first.lease = Duration::from_secs(2);
    store.claim(&first).await.expect("a server");
    server.execute("UPDATE nevent_webhooks.records SET ends = ends + interval '1 year'").await;
    let mut second = claim("d");
    second.lease = Duration::from_secs(60);
    let ClaimAnswer::InFlight { lease } = store.claim(&second).await.expect("a server") else {
        panic!("the first owner holds it");
    };
    assert!(lease <= first.lease, "{lease:?}");
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(store.claim(&second).await.expect("a server"), ClaimAnswer::Acquired);
}

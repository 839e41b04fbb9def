//! Servers that are killed, full, silent, or have no connection left.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::store::{PostgresOptions, PostgresStore};
use nevent_webhooks::{Incident, Store};

use crate::support::acceptance::{Adapter, Post, rows};
use crate::support::{
    Effects, PATIENCE, Proxy, Scene, Server, claim, deliver_until_done, sell, unavailable,
};

rows!(a_server_that_crashes_and_comes_back, a_silent_server, the_disk_is_full,);

async fn a_server_that_crashes_and_comes_back(adapter: Adapter) {
    let mut scene = Scene::new().await;
    let receiver = scene.selling(adapter).start().await;
    receiver.deliver(&Post::new("before").body("before")).await.is(200, "");
    scene.server.crash();
    let post = Post::new("d").body("d");
    for _ in 0..3 {
        let begun = Instant::now();
        receiver.deliver(&post).await.is(503, "Try again later");
        assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
    }
    assert_eq!(receiver.runs(), 1);
    scene.server.start_again().await;
    deliver_until_done(&receiver, &post).await;
    receiver.deliver(&Post::new("before").body("before")).await.is(200, "Already processed");
    assert_eq!((scene.effects.of("before").await, scene.effects.of("d").await), (1, 1));
}

async fn a_silent_server(adapter: Adapter) {
    let scene = Scene::new().await;
    let proxy = Proxy::before(scene.server.address()).await;
    let url = format!("postgres://postgres@{}/postgres", proxy.address());
    let store = PostgresStore::connect(&url).await.expect("a server");
    let receiver = scene.selling(adapter).store(store).start().await;
    receiver.deliver(&Post::new("before").body("before")).await.is(200, "");
    proxy.stall().await;
    let post = Post::new("d").body("d");
    let begun = Instant::now();
    receiver.deliver(&post).await.is(503, "Try again later");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // The connections there are stay silent for good: the store opens others.
    proxy.strand().await;
    deliver_until_done(&receiver, &post).await;
    assert_eq!(scene.effects.of("d").await, 1);
}

/// The server cannot extend a table. What is there is still answered.
async fn the_disk_is_full(adapter: Adapter) {
    let scene = Scene::on(Server::on_a_small_disk().await).await;
    let receiver = scene.selling(adapter).start().await;
    receiver.deliver(&Post::new("before").body("before")).await.is(200, "");
    scene.server.fill_the_disk();
    let mut refused = 0;
    for number in 0..2000 {
        let id = format!("d{number}");
        let reply = receiver.deliver(&Post::new(&id).body(id.clone())).await;
        assert!([200, 503].contains(&reply.status), "{reply:?}");
        let effects = scene.effects.of(&id).await;
        assert_eq!(effects, i64::from(reply.status == 200), "{reply:?}");
        refused += i32::from(reply.status == 503);
        if refused == 3 {
            break;
        }
    }
    assert_eq!(refused, 3, "the disk was never full");
    receiver.deliver(&Post::new("before").body("before")).await.is(200, "Already processed");
    scene.server.clear_the_disk();
    deliver_until_done(&receiver, &Post::new("after").body("after")).await;
}

/// The role's limit is for a handler's statements. The store sets one of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_whose_statement_takes_too_long_commits_nothing() {
    let mut scene = Scene::new().await;
    scene.server.execute("ALTER ROLE postgres SET statement_timeout = '50ms'").await;
    // Connections that are open keep the limit that they had.
    scene.effects = Effects::at(&scene.server.url()).await;
    let slow = scene.receiver(Adapter::Axum, |effects, delivery| async move {
        let mut client = effects.client().await?;
        let transaction = client.transaction().await.map_err(unavailable)?;
        sell(&transaction, delivery.id().as_str()).await?;
        transaction.batch_execute("SELECT pg_sleep(1)").await.map_err(unavailable)?;
        delivery.commit(transaction).await?;
        Ok(StatusCode::OK)
    });
    let receiver = slow.start().await;
    for runs in 1..=2 {
        receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
        assert_eq!((receiver.runs(), scene.effects.of("d").await), (runs, 0));
    }
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_named() {
    let server = Server::with(&["max_connections=6", "superuser_reserved_connections=2"]).await;
    server.execute("CREATE ROLE app LOGIN; GRANT CREATE ON DATABASE postgres TO app").await;
    let url = server.url().replace("postgres@", "app@");
    PostgresStore::migrate(&url).await.expect("a server");
    let options = PostgresOptions::new().connections(1);
    let store = PostgresStore::open(&url, options).await.expect("a server");
    let mut others = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await
    {
        others.push((client, tokio::spawn(connection)));
    }
    // Its own connection still works.
    store.claim(&claim("d")).await.expect("a connection");
    let refused = PostgresStore::connect(&url).await.expect_err("no connection is left");
    assert!(refused.to_string().contains("lower `connections`"), "{refused}");
    others.clear();
    let begun = Instant::now();
    while PostgresStore::connect(&url).await.is_err() {
        assert!(begun.elapsed() < PATIENCE, "connections are free again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All connections are taken, those of the store included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_refused_while_no_connection_is_left() {
    let server = Server::with(&["max_connections=20", "superuser_reserved_connections=0"]).await;
    let scene = Scene::on(server).await;
    let receiver = scene.selling(Adapter::Axum).start().await;
    receiver.deliver(&Post::new("before").body("before")).await.is(200, "");
    let first = scene.server.client().await;
    let mut others = Vec::new();
    let stores = "FROM pg_stat_activity WHERE application_name = 'nevent-webhooks'";
    loop {
        let ended = format!("SELECT count(pg_terminate_backend(pid)) {stores}");
        first.query_one(&ended, &[]).await.expect("a superuser");
        while let Ok((client, connection)) =
            tokio_postgres::connect(&scene.server.url(), tokio_postgres::NoTls).await
        {
            others.push((client, tokio::spawn(connection)));
        }
        let left = first.query_one(&format!("SELECT count(*) {stores}"), &[]).await;
        if left.expect("a superuser").get::<_, i64>(0) == 0 {
            break;
        }
    }
    let post = Post::new("d").body("d");
    receiver.deliver(&post).await.is(503, "Try again later");
    others.clear();
    deliver_until_done(&receiver, &post).await;
    receiver.deliver(&Post::new("before").body("before")).await.is(200, "Already processed");
    assert_eq!((scene.effects.of("d").await, receiver.runs()), (1, 2));
}

/// A handler whose leases are renewed while the server restarts keeps them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_within_half_a_lease_loses_none() {
    let mut scene = Scene::new().await;
    let second = Duration::from_secs(1);
    let options = nevent_webhooks::DedupeOptions::new();
    let options = options.response_deadline(second).store_timeout(second / 2).lease(second * 6);
    let receiver = scene.receiver(Adapter::Axum, move |_, _| async move {
        tokio::time::sleep(second * 9).await;
        Ok(StatusCode::OK)
    });
    let receiver = receiver.options(options).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    scene.server.crash_and_restart().await;
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

//! The ledger: receivers, workers and the server are killed, and every event has its effect once.

use std::time::Duration;

use nevent_webhooks::queue::Once;
use nevent_webhooks_queues::redis_streams::RedisStreams;
use tokio::time::sleep;

use crate::hand_over::QUEUE;
use crate::scene::worker;
use crate::server::Server;
use crate::support::ledger::{self, Load, Programs, Shop, only_hand_over, simulate};
use crate::support::program::{is_program, say, told};
use crate::support::receiver::{SCOPE, short_lease};

#[tokio::test(flavor = "multi_thread")]
async fn every_event_has_its_effect_once() {
    balance(&Load { singles: 500, batches: 50, spread: Duration::from_secs(8) }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test --release --features redis-streams --test redis_streams ledger -- --ignored --nocapture"]
async fn ten_thousand_deliveries() {
    balance(&Load { singles: 9_000, batches: 1_000, spread: Duration::from_secs(90) }).await;
}

/// Retries, copies, overlapping batches, and crashes: the entry and the record are written together.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_in_the_stream_exactly_once() {
    let server = Server::durable().await;
    let load = Load { singles: 200, batches: 20, spread: Duration::from_secs(4) };
    let (events, requests) = only_hand_over(&load, &server, &programs(&server)).await;
    let entries: usize = server.command(&["XLEN", QUEUE]).await;
    assert_eq!(entries, events, "after {requests} requests");
}

fn programs(server: &Server) -> Programs {
    Programs {
        receiver: "ledger::receiver",
        worker: "ledger::worker_process",
        environment: vec![("REDIS_URL".to_owned(), server.url())],
    }
}

async fn balance(load: &Load) {
    let server = Server::durable().await;
    let balance = simulate(load, &server, &programs(&server)).await;
    println!("{balance:?}");
    assert!(balance.lost.is_empty(), "lost: {:?}", balance.lost);
    assert!(balance.repeated.is_empty(), "more than once: {:?}", balance.repeated);
    let left: u64 = server.command(&["XLEN", QUEUE]).await;
    let delayed: u64 = server.command(&["ZCARD", "{tickets}:queue:delayed"]).await;
    assert_eq!((left, delayed), (0, 0), "entries that nobody has acknowledged");
    let dead: u64 = server.command(&["XLEN", "{tickets}:queue:dead"]).await;
    assert_eq!(dead, 0, "dead letters");
}

/// Not a test of its own: a process that the ledger starts. Among the other tests it does nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receiver() {
    if is_program() {
        let redis = connected().await;
        ledger::serve(redis.queue(), redis.store()).await;
    }
}

/// Not a test of its own, either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn worker_process() {
    if is_program() {
        let (redis, shop) = (connected().await, Shop::told().await);
        let once = Once::with_options(SCOPE, shop.store.clone(), short_lease());
        let worker = worker(&redis);
        let policy = nevent_webhooks_queues::RetryPolicy::new().first(Duration::from_millis(100));
        say("works");
        let handler = move |envelope, claim| shop.clone().sell(envelope, claim);
        worker
            .retry(policy)
            .run(&once.expect("safe options"), handler, std::future::pending())
            .await;
    }
}

/// Waits until the server is up, as a supervisor would.
async fn connected() -> RedisStreams {
    loop {
        match RedisStreams::connect(&told("REDIS_URL")).await {
            Ok(redis) => return redis,
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

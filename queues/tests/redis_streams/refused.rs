//! Servers that would lose entries.

use std::time::Duration;

use nevent_webhooks_queues::redis_streams::{RedisStreams, RedisStreamsOptions};
use tokio::time::sleep;

use crate::scene::Scene;
use crate::server::{DURABLE, Server};
use crate::support::eventually;
use crate::support::sender::event_json;

async fn refusal(server: &Server, options: RedisStreamsOptions) -> String {
    let error = RedisStreams::open(&server.url(), options).await.expect_err("refused").to_string();
    assert!(error.lines().count() == 1, "{error}");
    error.split_once(" has ").map_or(error.clone(), |(_, rest)| rest.to_owned())
}

#[tokio::test]
async fn without_an_append_only_file() {
    let server = Server::with(&[]).await;
    let error = refusal(&server, RedisStreamsOptions::new()).await;
    let expected = "appendonly no, which loses entries: set appendonly yes and appendfsync always";
    assert_eq!(error, expected);
    let options = RedisStreamsOptions::new().dangerously_allow_loss_of_the_last_second();
    assert_eq!(refusal(&server, options).await, expected);
    let options = RedisStreamsOptions::new().dangerously_allow_no_persistence();
    RedisStreams::open(&server.url(), options).await.expect("allowed");
}

#[tokio::test]
async fn with_a_sync_every_second_or_less() {
    let server = Server::with(&["--appendonly", "yes"]).await;
    let error = refusal(&server, RedisStreamsOptions::new()).await;
    assert_eq!(error, "appendfsync everysec, which loses entries: set it to always");
    let options = RedisStreamsOptions::new().dangerously_allow_loss_of_the_last_second();
    RedisStreams::open(&server.url(), options).await.expect("allowed");
    server.command::<String>(&["CONFIG", "SET", "appendfsync", "no"]).await;
    let error = refusal(&server, options).await;
    assert_eq!(error, "appendfsync no, which loses entries: set it to always");
}

#[tokio::test]
async fn with_no_sync_during_a_rewrite() {
    let server = Server::with(&[DURABLE, &["--no-appendfsync-on-rewrite", "yes"]].concat()).await;
    let error = refusal(&server, RedisStreamsOptions::new()).await;
    assert_eq!(error, "no-appendfsync-on-rewrite yes, which loses entries: set it to no");
}

#[tokio::test]
async fn that_evicts() {
    let server = Server::with(&[DURABLE, &["--maxmemory-policy", "allkeys-lru"]].concat()).await;
    let options = RedisStreamsOptions::new().dangerously_allow_no_persistence();
    let error = refusal(&server, options).await;
    let expected = "maxmemory-policy allkeys-lru, which loses entries: set it to noeviction";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn that_does_not_tell_its_configuration() {
    let server = Server::with(&[DURABLE, &["--rename-command", "CONFIG", ""]].concat()).await;
    let error = refusal(&server, RedisStreamsOptions::new()).await;
    assert!(error.contains("does not answer CONFIG GET appendfsync"), "{error}");
    let options = RedisStreamsOptions::new().dangerously_allow_unchecked_configuration();
    RedisStreams::open(&server.url(), options).await.expect("allowed");
}

#[tokio::test]
async fn that_is_a_replica_or_a_node_of_a_cluster() {
    let replica = Server::with(&[DURABLE, &["--replicaof", "127.0.0.1 1"]].concat()).await;
    refusal(&replica, RedisStreamsOptions::new()).await;
    let node = Server::with(&[DURABLE, &["--cluster-enabled", "yes"]].concat()).await;
    refusal(&node, RedisStreamsOptions::new()).await;
    let cluster = node.url().replacen("redis:", "redis-cluster:", 1);
    let error = RedisStreams::connect(&cluster).await.expect_err("refused").to_string();
    assert!(error.starts_with("not the URL of one Redis server"), "{error}");
}

#[tokio::test]
async fn a_ready_server_whose_configuration_changes_is_no_longer_ready() {
    let server = Server::durable().await;
    let redis = RedisStreams::connect(&server.url()).await.expect("durable");
    redis.ready().await.expect("durable");
    server.command::<String>(&["CONFIG", "SET", "appendfsync", "everysec"]).await;
    redis.ready().await.expect_err("not durable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_restarted_without_its_append_only_file_is_a_503() {
    let mut scene = Scene::new().await;
    scene.sender.until_accepted("d-1", &event_json("evt_1")).await;
    scene.server.restart_with(&[]).await;
    eventually("the store is connected", async || scene.redis.store().ready().await.is_ok()).await;
    // The last check counts for a second.
    sleep(Duration::from_millis(1500)).await;
    let (status, _) = scene.sender.attempt("d-2", &event_json("evt_2")).await;
    assert_eq!((status, scene.entries().await.len()), (503, 0));
    scene.server.restart_with(DURABLE).await;
    scene.sender.until_accepted("d-2", &event_json("evt_2")).await;
}

/// Until the log is written, entries are in no file that a restart reads.
#[tokio::test]
async fn whose_append_only_file_is_only_being_switched_on() {
    let server = Server::with(&["--appendfsync", "always"]).await;
    let allowing = RedisStreamsOptions::new().dangerously_allow_no_persistence();
    let redis = RedisStreams::open(&server.url(), allowing).await.expect("allowed");
    for key in 0..10 {
        server.command::<String>(&["SET", &format!("key-{key}"), "value"]).await;
    }
    server.command::<String>(&["CONFIG", "SET", "rdb-key-save-delay", "1000000"]).await;
    // Ten seconds, in a process that keeps this delay.
    server.command::<String>(&["BGSAVE"]).await;
    server.command::<String>(&["CONFIG", "SET", "rdb-key-save-delay", "0"]).await;
    server.command::<String>(&["CONFIG", "SET", "appendonly", "yes"]).await;
    let error = refusal(&server, RedisStreamsOptions::new()).await;
    assert!(error.contains("writing its append-only file"), "{error}");
    redis.ready().await.expect("it may lose everything");
    let is_ready = async || RedisStreams::connect(&server.url()).await.is_ok();
    eventually("the file is written", is_ready).await;
    let redis = RedisStreams::connect(&server.url()).await.expect("durable");
    server.command::<String>(&["CONFIG", "SET", "rdb-key-save-delay", "300000"]).await;
    server.command::<String>(&["BGREWRITEAOF"]).await;
    redis.ready().await.expect("a rewrite of a file that is there loses nothing");
}

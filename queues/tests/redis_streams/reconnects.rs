//! Servers that come back with other settings, or as replicas.

use std::time::Duration;

use nevent_webhooks::queue::Once;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::redis_streams::{RedisStreams, RedisStreamsError};
use tokio::time::sleep;

use crate::hand_over::noting;
use crate::proxy::Proxy;
use crate::scene::{Diary, Running, worker};
use crate::server::{DURABLE, Server};
use crate::support::eventually;
use crate::support::receiver::{app, spawn};
use crate::support::sender::{Sender, Sent};

async fn sender_to(redis: &RedisStreams) -> Sender {
    Sender::new(vec![spawn(app(redis.queue(), redis.store())).await])
}

/// Both find a server without their database when they open their next connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_did_not_open_is_opened_again() {
    let (mut server, diary, told) = (Server::durable().await, Diary::default(), Diary::default());
    let url = format!("{}1", server.url());
    let receiver = RedisStreams::connect(&url).await.expect("durable");
    let taking = RedisStreams::connect(&url).await.expect("durable");
    let sender = sender_to(&receiver).await;
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    let observed = worker(&taking).observer(told.observer());
    let running = Running::start(&once, observed, noting(&diary));
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || diary.has("evt_single_1")).await;
    server.restart_with(&[DURABLE, &["--databases", "1"]].concat()).await;
    for redis in [&receiver, &taking] {
        eventually("it has no such database", async || lacks_database(redis).await).await;
    }
    server.restart_with(DURABLE).await;
    // The last check counts for a second.
    sleep(Duration::from_millis(1500)).await;
    sender.deliver(&Sent::single(2)).await;
    eventually("it is handled", async || diary.has("evt_single_2")).await;
    eventually("it is acknowledged", async || crate::scene::depth(&taking).await == 0).await;
    running.stop().await;
}

async fn lacks_database(redis: &RedisStreams) -> bool {
    match redis.ready().await {
        Err(RedisStreamsError::Failed { source, .. }) => source.to_string().contains("database"),
        _ => false,
    }
}

/// The old master keeps its connections, and refuses what is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_behind_one_address_receiver_and_worker_go_to_the_new_master() {
    let (old, new, diary) = (Server::durable().await, Server::durable().await, Diary::default());
    let proxy = Proxy::before(&old).await;
    let receiver = RedisStreams::connect(&proxy.url()).await.expect("durable");
    let taking = RedisStreams::connect(&proxy.url()).await.expect("durable");
    let sender = sender_to(&receiver).await;
    let once = Once::new("tickets", MemoryStore::new()).expect("a scope");
    let running = Running::start(&once, worker(&taking), noting(&diary));
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || diary.has("evt_single_1")).await;
    follow(&new, &old).await;
    new.command::<String>(&["REPLICAOF", "NO", "ONE"]).await;
    proxy.lead_to(&new);
    follow(&old, &new).await;
    sender.deliver(&Sent::single(2)).await;
    eventually("it is handled", async || diary.has("evt_single_2")).await;
    eventually("it is acknowledged", async || crate::scene::depth(&taking).await == 0).await;
    running.stop().await;
}

async fn follow(replica: &Server, master: &Server) {
    let port = master.port().to_string();
    replica.command::<String>(&["REPLICAOF", "127.0.0.1", &port]).await;
    eventually("it has what its master has", async || {
        let info: String = replica.command(&["INFO", "replication"]).await;
        info.contains("master_link_status:up")
    })
    .await;
}

//! That the processes, and the proxy before them, do what the tests rely on.

use std::time::Duration;

use tokio::time::timeout;

use crate::support::{Sentinels, Server};

const SOON: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_server_with_a_log_of_appends_keeps_what_it_had() {
    let server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    server.command::<()>(&["SET", "colour", "green"]).await;
    server.kill();
    assert!(server.try_command::<String>(&["PING"]).await.is_err());
    server.restart().await;
    assert_eq!(server.command::<String>(&["GET", "colour"]).await, "green");
}

#[tokio::test]
async fn a_server_without_one_loses_it() {
    let server = Server::start().await;
    server.command::<()>(&["SET", "colour", "green"]).await;
    server.restart().await;
    assert_eq!(server.command::<Option<String>>(&["GET", "colour"]).await, None);
}

#[tokio::test]
async fn a_paused_server_is_silent_until_it_is_resumed() {
    let server = Server::start().await;
    let mut connection = server.connection().await;
    server.pause();
    let answer =
        tokio::spawn(
            async move { redis::cmd("PING").query_async::<String>(&mut connection).await },
        );
    tokio::time::sleep(SOON).await;
    assert!(!answer.is_finished());
    server.resume();
    assert_eq!(answer.await.expect("no panic").expect("an answer"), "PONG");
}

#[tokio::test]
async fn a_server_may_ask_for_a_password() {
    let server = Server::with(&["--requirepass", "sesame"]).await;
    server.command::<()>(&["SET", "colour", "green"]).await;
    let replica = server.replica(&[]).await;
    assert_eq!(replica.command::<String>(&["GET", "colour"]).await, "green");
    assert!(server.url().starts_with("redis://:sesame@127.0.0.1:"));
}

#[tokio::test]
async fn a_server_with_tls_speaks_nothing_else() {
    let server = Server::with_tls(&[]).await;
    assert!(server.url().starts_with("rediss://127.0.0.1:"));
    assert_eq!(server.command::<String>(&["PING"]).await, "PONG");
    let plain = server.url().replace("rediss", "redis");
    let plain = redis::Client::open(plain).expect("a URL");
    let connection = timeout(Duration::from_secs(20), plain.get_multiplexed_async_connection());
    assert!(connection.await.expect("an end").is_err());
}

#[tokio::test]
async fn a_replica_follows_and_is_read_only() {
    let master = Server::start().await;
    let replica = master.replica(&[]).await;
    master.replicated(&["SET", "colour", "green"], 1).await;
    assert_eq!(replica.command::<String>(&["GET", "colour"]).await, "green");
    let refused = replica.try_command::<()>(&["SET", "colour", "red"]).await;
    assert_eq!(refused.expect_err("read-only").code(), Some("READONLY"));
}

#[tokio::test]
async fn sentinels_replace_a_master_that_was_killed() {
    let sentinels = Sentinels::start().await;
    assert_eq!(sentinels.addresses().len(), 3);
    sentinels.master().await.replicated(&["SET", "colour", "green"], 2).await;
    let old = sentinels.kill_master().await;
    let new = sentinels.have_replaced(old).await;
    assert_ne!(new.port(), old.port());
    sentinels.sentinels()[0].kill();
    assert_eq!(sentinels.master().await.port(), new.port());
    assert_eq!(new.command::<String>(&["GET", "colour"]).await, "green");
    old.restart().await;
    sentinels.are_whole().await;
}

#[tokio::test]
async fn sentinels_replace_a_master_that_is_paused() {
    let sentinels = Sentinels::start().await;
    assert_eq!(sentinels.servers().len(), 3);
    let old = sentinels.pause_master().await;
    let new = sentinels.have_replaced(old).await;
    new.command::<()>(&["SET", "colour", "green"]).await;
    old.resume();
    sentinels.are_whole().await;
    assert_eq!(old.command::<String>(&["GET", "colour"]).await, "green");
}

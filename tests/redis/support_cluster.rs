//! That the cluster does what the tests rely on.

use redis::ErrorKind;
use redis::ServerErrorKind::{Ask, Moved};
use redis::cluster::ClusterClient;

use crate::support::Cluster;

fn kinds() -> (ErrorKind, ErrorKind) {
    (ErrorKind::Server(Moved), ErrorKind::Server(Ask))
}

#[tokio::test]
async fn a_cluster_replaces_a_master_that_was_killed() {
    let cluster = Cluster::start().await;
    assert_eq!(cluster.nodes().len(), 6);
    let master = cluster.master_of("colour").await;
    master.replicated(&["SET", "colour", "green"], 1).await;

    let old = cluster.kill_master_of("colour").await;
    let new = cluster.has_replaced(old, "colour").await;
    assert_ne!(new.port(), old.port());
    assert_eq!(new.command::<String>(&["GET", "colour"]).await, "green");
    old.restart().await;
    cluster.is_settled().await;
    let refused = old.try_command::<String>(&["GET", "colour"]).await.expect_err("a replica");
    assert_eq!(refused.kind(), kinds().0);
}

#[tokio::test]
async fn a_slot_moves_from_one_master_to_another() {
    let (moved, ask) = kinds();
    let cluster = Cluster::start().await;
    let master = cluster.master_of("{a}1").await;
    master.command::<()>(&["SET", "{a}1", "green"]).await;

    let moving = cluster.begin_move_of("{a}1").await;
    assert_eq!(moving.from.command::<String>(&["GET", "{a}1"]).await, "green");
    let refused = moving.from.try_command::<()>(&["SET", "{a}2", "red"]).await;
    assert_eq!(refused.expect_err("it is not here").kind(), ask);
    moving.carry_keys().await;
    moving.finish().await;

    let refused = moving.from.try_command::<String>(&["GET", "{a}1"]).await;
    assert_eq!(refused.expect_err("it has moved").kind(), moved);
    assert_eq!(moving.to.command::<String>(&["GET", "{a}1"]).await, "green");
}

#[tokio::test]
async fn a_client_finds_a_slot_that_has_moved() {
    let cluster = Cluster::start().await;
    let client = ClusterClient::new(cluster.urls()).expect("URLs");
    let mut connection = client.get_async_connection().await.expect("a connection");
    let set = redis::cmd("SET").arg("colour").arg("green").to_owned();
    set.query_async::<()>(&mut connection).await.expect("a cluster that is up");
    let moving = cluster.move_slot_of("colour").await;
    let got = redis::cmd("GET").arg("colour").query_async::<String>(&mut connection).await;
    assert_eq!(got.expect("the new master answers"), "green");
    let master = cluster.master_of("colour").await;
    assert_eq!(master.port(), moving.to.port());
}

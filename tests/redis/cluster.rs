//! The store in a Cluster: each scope is one slot, whichever node holds it.

use std::collections::HashSet;
use std::time::Duration;

use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, RedisOptions, RedisStore, Scope};
use nevent_webhooks::{ReplayKey, Store};
use redis::cluster::{ClusterClient, NodeAddress};
use tokio::time::sleep;

use crate::support::load::Load;
use crate::support::{Cluster, Proxy, Server, claim, eventually};

pub fn url(cluster: &Cluster) -> String {
    let hosts: Vec<_> = cluster.nodes().iter().map(|node| node.address().to_string()).collect();
    format!("redis-cluster://{}", hosts.join(","))
}

/// A key of the scope that all these tests use.
const KEY: &str = "{tickets}";

fn of_scope(scope: &str, id: &str) -> Claim {
    let mut claim = claim(id);
    claim.scope = Scope::new(scope).expect("a scope");
    claim.replay_keys = [ReplayKey::from_bytes([1; 16]), ReplayKey::from_bytes([2; 16])].into();
    claim
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_spread_over_slots_and_each_keeps_to_one() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    let mut slots = HashSet::new();
    for number in 0..100 {
        let scope = format!("endpoint {number}");
        let first = of_scope(&scope, "first");
        assert_eq!(store.claim(&first).await.expect("one slot"), ClaimAnswer::Acquired);
        assert_eq!(store.complete(&first).await.expect("one slot"), Completion::Recorded);
        let answer = store.claim(&of_scope(&scope, "replay")).await.expect("one slot");
        assert_eq!(answer, ClaimAnswer::ReplayOf(first.id));
        let key = format!("nevent:{{{scope}}}");
        slots.insert(cluster.nodes()[0].command::<u16>(&["CLUSTER", "KEYSLOT", &key]).await);
    }
    assert!(slots.len() > 90, "{} slots for 100 scopes", slots.len());
    let mut masters_with_keys = 0;
    for node in cluster.nodes() {
        let role = node.command::<String>(&["INFO", "replication"]).await;
        let keys = node.command::<u64>(&["DBSIZE"]).await;
        masters_with_keys += u32::from(role.contains("role:master") && keys > 0);
    }
    assert_eq!(masters_with_keys, 3);
    assert_eq!(store.ready().await.expect("a cluster"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_fails_under_load_and_nothing_is_lost() {
    let cluster = Cluster::start().await;
    let load = Load::on(&url(&cluster));
    let hurt = async {
        sleep(Duration::from_millis(300)).await;
        load.ledger.fault("the master was killed: what it had not yet replicated is gone");
        let old = cluster.kill_master_of(KEY).await;
        cluster.has_replaced(old, KEY).await;
    };
    tokio::join!(load.sender.deliver_all(0..2000, 16), hurt);
    let balance = load.balance();
    assert_eq!((balance.sent, balance.lost.len()), (2000, 0));
    assert!(balance.answered("503 Try again later") > 0, "the failover was noticed");
    assert!(balance.doubles.iter().all(|(_, cause)| cause.starts_with("the master was killed")));
}

/// Not even when the others have forgotten the scripts.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_master_takes_no_other_scope_with_it() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    let dead = cluster.master_of(KEY).await.port();
    let mut elsewhere = Vec::new();
    for number in 0..20 {
        let scope = format!("endpoint {number}");
        if cluster.master_of(&format!("{{{scope}}}")).await.port() != dead {
            elsewhere.push(scope);
        }
    }
    for node in cluster.nodes() {
        let _ = node.try_command::<()>(&["SCRIPT", "FLUSH"]).await;
    }
    cluster.kill_master_of(KEY).await;
    for scope in &elsewhere {
        let answer = store.claim(&of_scope(scope, "while one is down")).await;
        assert_eq!(answer.expect("its own master lives"), ClaimAnswer::Acquired);
    }
    assert!(!elsewhere.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    let before = of_scope("tickets", "before");
    assert_eq!(store.claim(&before).await.expect("a cluster"), ClaimAnswer::Acquired);

    let moving = cluster.begin_move_of(KEY).await;
    // One key, not yet anywhere: ASK leads to the new master.
    let during = claim("during");
    assert_eq!(store.claim(&during).await.expect("ASK is followed"), ClaimAnswer::Acquired);
    assert_eq!(store.complete(&during).await.expect("ASK is followed"), Completion::Recorded);
    // Commands that are still with the old connection end there.
    assert_eq!(store.complete(&before).await.expect("a cluster"), Completion::Recorded);
    // Several keys that may be in two places: nobody can say, so nobody is told yes.
    let refused = store.claim(&of_scope("tickets", "several")).await;
    assert!(refused.is_err(), "{refused:?}");

    moving.carry_keys().await;
    moving.finish().await;
    for id in ["before", "during"] {
        let answer = store.claim(&claim(id)).await.expect("MOVED is followed");
        assert_eq!(answer, ClaimAnswer::Completed);
    }
    let mut again = of_scope("tickets", "several");
    again.replay_keys = [ReplayKey::from_bytes([3; 16])].into();
    assert_eq!(store.claim(&again).await.expect("it has moved"), ClaimAnswer::Acquired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_down_is_found_again() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    assert_eq!(store.claim(&claim("one")).await.expect("a cluster"), ClaimAnswer::Acquired);
    cluster.nodes().iter().for_each(Server::kill);
    let begun = std::time::Instant::now();
    assert!(store.claim(&claim("two")).await.is_err(), "nobody is there");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    for node in cluster.nodes() {
        node.restart().await;
    }
    cluster.is_settled().await;
    eventually("claims work again", async || store.claim(&claim("two")).await.is_ok()).await;
}

/// A machine that is lost says nothing, not even that it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_master_is_left_for_its_replica() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    assert_eq!(store.claim(&claim("one")).await.expect("a cluster"), ClaimAnswer::Acquired);
    let old = cluster.master_of(KEY).await;
    old.pause();
    assert!(store.claim(&claim("two")).await.is_err(), "nobody answers");
    cluster.has_replaced(old, KEY).await;
    let begun = std::time::Instant::now();
    while store.claim(&claim("two")).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(15), "the new master is not found");
        sleep(Duration::from_millis(50)).await;
    }
    // A silent node does not keep a receiver from starting either.
    let late = RedisStore::connect(&url(&cluster)).await;
    let late = match late {
        Ok(late) => late,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(late.claim(&claim("three")).await.expect("a cluster"), ClaimAnswer::Acquired);
}

/// Nodes that are slow are not silent.
#[tokio::test(flavor = "multi_thread")]
async fn slow_nodes_are_waited_for() {
    let cluster = Cluster::start().await;
    let mut proxies = Vec::new();
    let mut map = std::collections::HashMap::new();
    for node in cluster.nodes() {
        let proxy = Proxy::before(node.address()).await;
        let [from, to] = [node.address(), proxy.address()]
            .map(|address| NodeAddress::new(address.ip().to_string(), address.port()));
        map.insert(from, to);
        proxies.push(proxy);
    }
    let client = ClusterClient::builder(cluster.urls()).node_address_map(map);
    let client = client.overall_response_timeout(None).build().expect("URLs");
    let store = RedisStore::open(client, RedisOptions::new()).await.expect("a cluster");
    let before: u64 = proxies.iter().map(Proxy::accepted).sum();
    for proxy in &proxies {
        proxy.delay(Duration::from_millis(450)).await;
    }
    for n in 0..4 {
        let answer = store.claim(&claim(&format!("{n}"))).await;
        assert_eq!(answer.expect("late, but in time"), ClaimAnswer::Acquired);
    }
    assert_eq!(proxies.iter().map(Proxy::accepted).sum::<u64>(), before);
}

//! A master that refuses writes because its replicas are gone, and that the Sentinels still name.

use std::time::Duration;

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, RedisOptions, RedisSource, RedisStore};
use tokio::time::{Instant, sleep};

use crate::sentinel::{fenced_client, fenced_url};
use crate::support::{Sentinels, Server, claim, eventually};

/// So long, claims are refused one after the other.
const REFUSED: Duration = Duration::from_secs(4);
/// At most so many connections to each server in this time. A reconnection for each tenth of
/// a second opens more than a hundred.
const A_HANDFUL_A_SECOND: u64 = 40;

async fn connections_to(server: &Server) -> u64 {
    let stats: String = server.command(&["INFO", "stats"]).await;
    let mut lines = stats.lines().filter_map(|line| line.split_once(':'));
    let (_, count) = lines.find(|(key, _)| *key == "total_connections_received").expect("a count");
    count.parse().expect("a number")
}

async fn connections_to_each(servers: &[&Server]) -> Vec<u64> {
    let mut counts = Vec::new();
    for server in servers {
        counts.push(connections_to(server).await);
    }
    counts
}

async fn is_refused(store: &RedisStore) {
    let error = store.claim(&claim("one")).await.expect_err("no replicas");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains("NOREPLICAS"), "{cause}");
}

/// The store keeps the connection, and asks the Sentinels now and then whether the master is
/// another.
async fn the_connection_is_kept(sentinels: &Sentinels, source: RedisSource, asked: &[&Server]) {
    let store = RedisStore::open(source, RedisOptions::new()).await.expect("a master");
    let master = sentinels.master().await;
    let replicas = || sentinels.servers().iter().filter(|server| server.port() != master.port());
    replicas().for_each(Server::kill);
    eventually("the master lacks them", async || {
        let info: String = master.command(&["INFO", "replication"]).await;
        info.contains("min_slaves_good_slaves:0")
    })
    .await;
    let before = connections_to_each(asked).await;
    let begun = Instant::now();
    while begun.elapsed() < REFUSED {
        is_refused(&store).await;
        sleep(Duration::from_millis(5)).await;
    }
    let after = connections_to_each(asked).await;
    // A machine too busy to go on in time has more of it.
    let most = A_HANDFUL_A_SECOND * begun.elapsed().as_secs().max(4) / 4;
    let grown: Vec<_> = before.iter().zip(&after).map(|(before, after)| after - before).collect();
    println!("{grown:?} connections in {:?}", begun.elapsed());
    assert!(grown.iter().all(|count| *count <= most), "{grown:?} in {:?}", begun.elapsed());
    for replica in replicas() {
        replica.restart().await;
    }
    eventually("a replica is back", async || {
        store.claim(&claim("two")).await.is_ok_and(|answer| answer == ClaimAnswer::Acquired)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_master_without_replicas_causes_no_storm_of_connections() {
    let sentinels = Sentinels::fenced().await;
    let source = fenced_url(&sentinels).parse().expect("a URL");
    let asked: Vec<_> = sentinels.sentinels().iter().collect();
    the_connection_is_kept(&sentinels, source, &asked).await;
}

/// Such a client remembers its connections to the Sentinels, but has a look at the master
/// that they name.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_with_a_custom_client() {
    let sentinels = Sentinels::fenced().await;
    let source = fenced_client(&sentinels).expect("a client").into();
    let master = sentinels.master().await;
    the_connection_is_kept(&sentinels, source, &[master]).await;
}

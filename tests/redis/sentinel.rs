//! The master that Sentinels name, and the next.

use std::time::Duration;

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, RedisOptions, RedisSource, RedisStore};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, RedisResult};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::load::Load;
use crate::support::sentinels::{MASTER_NAME, PASSWORD};
use crate::support::{Sentinels, Server, claim, delivery_id, eventually};

pub fn url(sentinels: &Sentinels, database: u32) -> String {
    let hosts: Vec<_> = sentinels.addresses().iter().map(ToString::to_string).collect();
    format!("redis-sentinel://{}/{database}?master=mymaster", hosts.join(","))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_under_load_loses_nothing() {
    let sentinels = Sentinels::start().await;
    let load = Load::on(&url(&sentinels, 0));
    let hurt = async {
        sleep(Duration::from_millis(300)).await;
        load.ledger.fault("the master was killed: what it had not yet replicated is gone");
        let old = sentinels.kill_master().await;
        sentinels.have_replaced(old).await;
    };
    tokio::join!(load.sender.deliver_all(0..2000, 16), hurt);
    let balance = load.balance();
    assert_eq!((balance.sent, balance.lost.len()), (2000, 0));
    assert!(balance.answered("503 Try again later") > 0, "the failover was noticed");
    // Replication is asynchronous: doubles may be, and all of them for that reason.
    assert!(balance.doubles.iter().all(|(_, cause)| cause.starts_with("the master was killed")));
}

/// The old master comes back as a replica: connections to it are of no use.
#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_master_is_not_written_to() {
    let sentinels = Sentinels::start().await;
    let store = RedisStore::connect(&url(&sentinels, 3)).await.expect("a master");
    assert_eq!(store.claim(&claim("one")).await.expect("a master"), ClaimAnswer::Acquired);
    let old = sentinels.pause_master().await;
    assert!(store.claim(&claim("two")).await.is_err(), "nobody answers");
    sentinels.have_replaced(old).await;
    old.resume();
    eventually("the new master is found", async || store.claim(&claim("two")).await.is_ok()).await;
    eventually("the old one is a replica", async || {
        let info = old.try_command::<String>(&["INFO", "replication"]).await;
        info.is_ok_and(|info| info.contains("role:slave") && info.contains("master_link_status:up"))
    })
    .await;
    let third = claim("three");
    assert_eq!(store.claim(&third).await.expect("a master"), ClaimAnswer::Acquired);
    store.complete(&third).await.expect("a master");
    assert_eq!(store.ready().await.expect("a master"), []);
}

#[tokio::test]
async fn a_name_that_no_sentinel_knows() {
    let sentinels = Sentinels::start().await;
    let url = url(&sentinels, 0).replace("mymaster", "nobody");
    let error = RedisStore::connect(&url).await.expect_err("no such master").to_string();
    assert!(error.contains("the Redis master \"nobody\" of the Sentinels at 127.0.0.1"), "{error}");
    assert!(error.contains("Check the name after `master=`"), "{error}");
}

/// A master that was cut off refuses writes, and does not know that it was replaced.
async fn an_isolated_master_is_left(sentinels: &Sentinels, source: RedisSource) {
    let store = RedisStore::open(source, RedisOptions::new()).await.expect("a master");
    let old = sentinels.isolate_master().await;
    let error = store.claim(&claim("one")).await.expect_err("no replicas");
    let cause = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(cause.contains("NOREPLICAS") || cause.contains("a failover"), "{cause}");
    let new = sentinels.have_replaced(old).await;
    eventually("the new master has a replica", async || {
        let info = new.try_command::<String>(&["INFO", "replication"]).await;
        info.is_ok_and(|info| info.contains("min_slaves_good_slaves:1"))
    })
    .await;
    let begun = Instant::now();
    // The old one is isolated to the end.
    eventually("the new master is found", async || store.claim(&claim("two")).await.is_ok()).await;
    println!("found {:?} after it could be written to", begun.elapsed());
    // Not only when the old one has been fenced for half a minute.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let key = "nevent:{tickets}dtwo";
    assert!(new.command::<bool>(&["EXISTS", key]).await, "it is the new one");
    assert!(!old.command::<bool>(&["EXISTS", key]).await, "and not the old one");
}

pub fn fenced_url(sentinels: &Sentinels) -> String {
    url(sentinels, 0).replace("://", &format!("://:{PASSWORD}@"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_master_is_left() {
    let sentinels = Sentinels::fenced().await;
    let source = fenced_url(&sentinels).parse().expect("a URL");
    an_isolated_master_is_left(&sentinels, source).await;
}

/// A custom client does not tell which Sentinels it knows, so the store cannot follow them.
#[tokio::test(flavor = "multi_thread")]
async fn a_partitioned_master_is_left_with_a_custom_client() {
    let sentinels = Sentinels::fenced().await;
    let client = fenced_client(&sentinels).expect("a client");
    an_isolated_master_is_left(&sentinels, client.into()).await;
}

pub fn fenced_client(sentinels: &Sentinels) -> RedisResult<SentinelClient> {
    let tcp = |address: std::net::SocketAddr| {
        ConnectionAddr::Tcp(address.ip().to_string(), address.port())
    };
    let addresses = sentinels.addresses().into_iter().map(tcp);
    let master = SentinelServerType::Master;
    SentinelClientBuilder::new(addresses, MASTER_NAME, master)?
        .set_client_to_redis_password(PASSWORD)
        .build()
}

/// A planned failover demotes the old master last: until then it takes writes that the
/// new one never sees.
#[tokio::test(flavor = "multi_thread")]
async fn a_planned_failover_loses_next_to_nothing() {
    planned_failover(Sentinels::start().await).await;
}

/// With the timings for which `docs/redis.md` has figures. Prints the figures.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "half a minute"]
async fn a_planned_failover_with_default_timings() {
    planned_failover(Sentinels::unhurried().await).await;
}

async fn planned_failover(sentinels: Sentinels) {
    let load = Load::on(&url(&sentinels, 0));
    load.sender.deliver_all(0..200, 16).await;
    // A replica that has just been loaded hears of nothing until its first acknowledgement.
    sentinels.master().await.replicated(&["SET", "probe", "x"], 2).await;
    let old = sentinels.plan_failover().await;
    let (mut sent, mut deliveries) = (200, JoinSet::new());
    while !is_a_replica(old).await {
        let (sender, number) = (load.sender.clone(), sent);
        deliveries.spawn(async move { sender.deliver_all(number..number + 1, 1).await });
        sent += 1;
        sleep(Duration::from_millis(10)).await;
    }
    deliveries.join_all().await;
    let new = sentinels.master().await;
    assert_ne!(new.port(), old.port());
    let mut forgotten = 0;
    for number in 0..sent {
        let key = format!("nevent:{{tickets}}d{}", delivery_id(number));
        forgotten += u32::from(!new.command::<bool>(&["EXISTS", &key]).await);
    }
    let during = sent - 200;
    println!("{forgotten} of {during} deliveries forgotten");
    // A receiver that a busy machine keeps from hearing of it may be late.
    assert!(forgotten <= during / 2, "{forgotten} of {during}");
    assert_eq!(load.balance().lost.len(), 0);
}

/// The command `FAILOVER` tells the Sentinels nothing: they name the demoted server until
/// they take it for down.
#[tokio::test(flavor = "multi_thread")]
async fn a_failover_behind_the_sentinels_back_is_explained() {
    let sentinels = Sentinels::start().await;
    let store = RedisStore::connect(&url(&sentinels, 0)).await.expect("a master");
    let old = sentinels.master().await;
    old.command::<()>(&["FAILOVER"]).await;
    eventually("it is said what happened", async || {
        let Err(error) = store.claim(&claim("one")).await else { return false };
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        cause.contains("a replica. Was it demoted by FAILOVER? Use SENTINEL FAILOVER")
    })
    .await;
    let begun = Instant::now();
    eventually("they notice", async || store.claim(&claim("one")).await.is_ok()).await;
    println!("noticed {:?} later", begun.elapsed());
}

async fn is_a_replica(server: &Server) -> bool {
    let info = server.try_command::<String>(&["INFO", "replication"]).await;
    info.is_ok_and(|info| info.contains("role:slave"))
}

/// One task for each Sentinel, for as long as there is a store, however often the master
/// changes.
#[tokio::test(flavor = "multi_thread")]
async fn sentinels_are_followed_for_as_long_as_the_store_lives() {
    let sentinels = Sentinels::start().await;
    let followed = async |times: usize| {
        eventually("they are followed so often", async || {
            let list = ["CLIENT", "LIST", "TYPE", "PUBSUB"];
            for sentinel in sentinels.sentinels() {
                let clients: String = sentinel.command(&list).await;
                if clients.lines().count() != times {
                    return false;
                }
            }
            true
        })
        .await;
    };
    followed(0).await;
    let store = RedisStore::connect(&url(&sentinels, 0)).await.expect("a master");
    followed(1).await;
    let old = sentinels.plan_failover().await;
    sentinels.have_replaced(old).await;
    eventually("it goes on", async || store.claim(&claim("one")).await.is_ok()).await;
    followed(1).await;
    drop(store);
    followed(0).await;
}

/// A Sentinel that is restarted is followed again; of one that is gone for good, the
/// others tell.
#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_come_back_are_followed_again() {
    let sentinels = Sentinels::start().await;
    let store = RedisStore::connect(&url(&sentinels, 0)).await.expect("a master");
    let leader = &sentinels.sentinels()[0];
    leader.restart().await;
    let clients = async || {
        let list = ["CLIENT", "LIST", "TYPE", "PUBSUB"];
        leader.try_command::<String>(&list).await.unwrap_or_default()
    };
    eventually("it is followed again", async || clients().await.lines().count() == 1).await;
    sentinels.sentinels()[1].kill();
    let old = sentinels.plan_failover().await;
    sentinels.have_replaced(old).await;
    eventually("it goes on", async || store.claim(&claim("one")).await.is_ok()).await;
}

#[tokio::test]
async fn sentinels_with_a_password_of_their_own() {
    let sentinels = Sentinels::start().await;
    for sentinel in sentinels.sentinels() {
        let user = ["ACL", "SETUSER", "default", "resetpass", ">theirs"];
        sentinel.command::<()>(&user).await;
    }
    let error = RedisStore::connect(&url(&sentinels, 0)).await.expect_err("no password");
    let error = error.to_string();
    assert!(error.contains("asks for a password of its own. Make a `SentinelClient`"), "{error}");
}

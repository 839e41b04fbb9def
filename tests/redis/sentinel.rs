//! The master that Sentinels name, and the next.

use std::time::Duration;

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, RedisStore};
use tokio::time::sleep;

use crate::support::load::Load;
use crate::support::{Sentinels, claim, eventually};

fn url(sentinels: &Sentinels, database: u32) -> String {
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
async fn a_master_that_was_only_away_is_not_written_to() {
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

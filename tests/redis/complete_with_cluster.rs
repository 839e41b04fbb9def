//! Effects in a Cluster and behind Sentinels, also after a failover.

use nevent_webhooks::ClaimState;
use nevent_webhooks::store::{RedisEffectError as Refusal, RedisEffects, RedisStore};
use nevent_webhooks::transaction::CompleteError;

use crate::cluster::url;
use crate::sentinel;
use crate::support::held::{claim_again, held};
use crate::support::{Cluster, Sentinels, Server, eventually};

const JOBS: &str = "{tickets}:jobs";
const SOLD: &str = "{tickets}:sold";

fn effects() -> RedisEffects {
    RedisEffects::new().rpush(JOBS, "x").incr_by(SOLD, 1)
}

async fn executed(master: &Server) -> (usize, String) {
    let sold: Option<String> = master.command(&["GET", SOLD]).await;
    (master.command(&["LLEN", JOBS]).await, sold.unwrap_or_default())
}

/// Whether the call has succeeded. Until the new master is found, it fails and nothing is executed.
async fn has_succeeded(store: &RedisStore, held: &nevent_webhooks::ClaimHandle) -> bool {
    match store.complete_with(held, effects()).await {
        Ok(()) => true,
        Err(CompleteError::Database(_)) => false,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn effects_go_where_the_scope_is() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    let mut masters = std::collections::HashSet::new();
    for number in 0..20 {
        let scope = format!("endpoint {number}");
        let held = held(&store, &scope, "d").await;
        let key = |name| RedisEffects::key(held.scope(), name);
        let master = cluster.master_of(&key("jobs")).await;
        masters.insert(master.port());

        // Nothing of it, although the first effect is possible.
        master.command::<()>(&["SET", &key("sold"), "many"]).await;
        let both = RedisEffects::new().rpush(key("jobs"), "x").incr_by(key("sold"), 1);
        let refused = store.complete_with(&held, both.clone()).await;
        let is_refused =
            matches!(refused, Err(CompleteError::Refused(Refusal::NotAnInteger { .. })));
        assert!(is_refused, "{refused:?}");
        assert_eq!(master.command::<usize>(&["LLEN", &key("jobs")]).await, 0);
        // Keys of another slot are not even sent.
        let elsewhere = both.clone().rpush("{elsewhere}:jobs", "x");
        let refused = store.complete_with(&held, elsewhere).await;
        assert!(matches!(refused, Err(CompleteError::Refused(Refusal::OtherSlot { .. }))));

        master.command::<()>(&["SET", &key("sold"), "7"]).await;
        store.complete_with(&held, both.clone()).await.expect("held");
        let again = store.complete_with(&held, both).await;
        assert!(matches!(again, Err(CompleteError::AlreadyCompleted)), "{again:?}");
        assert_eq!(master.command::<usize>(&["LLEN", &key("jobs")]).await, 1);
        assert_eq!(master.command::<u64>(&["GET", &key("sold")]).await, 8);
    }
    assert_eq!(masters.len(), 3, "on each master");
}

/// The new master has the record, and not the script.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_master_of_a_cluster() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    let held = held(&store, "tickets", "d").await;
    cluster.master_of(JOBS).await.replicated(&["SET", "{tickets}:sync", "1"], 1).await;
    let old = cluster.kill_master_of(JOBS).await;
    let new = cluster.has_replaced(old, JOBS).await;
    eventually("it is executed", async || has_succeeded(&store, &held).await).await;
    assert_eq!(executed(new).await, (1, "1".to_owned()));
    assert_eq!(held.state(), ClaimState::Committed);
}

/// While the slot moves, the record may be in one place and the effects' keys in another.
#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves() {
    let cluster = Cluster::start().await;
    let store = RedisStore::connect(&url(&cluster)).await.expect("a cluster");
    let held = held(&store, "tickets", "d").await;
    // They cannot be carried: their names are not text.
    let forget = "for _, k in ipairs(redis.call('KEYS', '*}r*')) do redis.call('DEL', k) end";
    let master = cluster.master_of(JOBS).await;
    master.command::<()>(&["EVAL", forget, "1", JOBS]).await;
    let moving = cluster.begin_move_of(JOBS).await;
    let failed = store.complete_with(&held, effects()).await;
    assert!(matches!(failed, Err(CompleteError::Database(_))), "{failed:?}");
    moving.carry_keys().await;
    moving.finish().await;
    let new = cluster.master_of(JOBS).await;
    assert_eq!(executed(new).await, (0, String::new()));
    eventually("it is executed", async || has_succeeded(&store, &held).await).await;
    assert_eq!(executed(new).await, (1, "1".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_master_of_sentinels() {
    let sentinels = Sentinels::start().await;
    let store = RedisStore::connect(&sentinel::url(&sentinels, 0)).await.expect("a master");
    let held = held(&store, "tickets", "d").await;
    let old = sentinels.master().await;
    old.replicated(&["SET", "{tickets}:sync", "1"], 1).await;
    old.kill();
    let new = sentinels.have_replaced(old).await;
    let took_over = eventually("it is executed", async || has_succeeded(&store, &held).await);
    took_over.await;
    assert_eq!(executed(new).await, (1, "1".to_owned()));
}

/// A failover to a replica that lacks the claim: nobody holds the delivery, so nothing is executed.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_the_next_master_never_had() {
    let sentinels = Sentinels::start().await;
    let store = RedisStore::connect(&sentinel::url(&sentinels, 0)).await.expect("a master");
    let held = held(&store, "tickets", "d").await;
    let master = sentinels.master().await;
    master.command::<()>(&["DEL", "nevent:{tickets}dd"]).await;
    master.replicated(&["SET", "{tickets}:sync", "1"], 1).await;
    let old = sentinels.kill_master().await;
    let new = sentinels.have_replaced(old).await;
    eventually("it is refused", async || match store.complete_with(&held, effects()).await {
        Err(CompleteError::Lost) => true,
        Err(CompleteError::Database(_)) => false,
        other => panic!("{other:?}"),
    })
    .await;
    assert_eq!(executed(new).await, (0, String::new()));
    claim_again(&store, held.claim()).await;
}

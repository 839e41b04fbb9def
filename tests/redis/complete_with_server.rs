//! Servers that refuse the first write, or die: all or nothing.

use std::collections::HashSet;

use axum::http::StatusCode;
use nevent_webhooks::store::{RedisEffects, RedisStore};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{ClaimHandle, ClaimState, Delivery, Rejection};

use crate::complete_with::all_kinds;
use crate::support::acceptance::{Post, Receiver};
use crate::support::held::{Bench, held};
use crate::support::{Adapter, Proxy, Server, eventually};

/// The server refuses the call with this word. Nothing is executed, and the record is as before.
async fn refuses(bench: &Bench, held: &ClaimHandle, word: &str) {
    let before = bench.record("d").await;
    let error = bench.store.complete_with(held, all_kinds()).await.expect_err("refused");
    let CompleteError::Database(source) = &error else { panic!("{error:?}") };
    assert!(source.to_string().contains(word), "{source}");
    assert_eq!((bench.effects().await.len(), bench.record("d").await), (0, before));
}

/// What was refused can be done once the server is well.
async fn works(bench: &Bench, held: &ClaimHandle) {
    let done = async || match bench.store.complete_with(held, all_kinds()).await {
        Ok(()) => true,
        Err(CompleteError::Database(_)) => false,
        Err(other) => panic!("{other:?}"),
    };
    eventually("it is executed", done).await;
    assert_eq!(held.state(), ClaimState::Committed);
    assert_eq!(bench.effects().await.len(), 5);
}

async fn set(bench: &Bench, option: &str, value: &str) {
    bench.server.command::<()>(&["CONFIG", "SET", option, value]).await;
}

#[tokio::test]
async fn a_full_server() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    set(&bench, "maxmemory", "1").await;
    refuses(&bench, &held, "OOM").await;
    set(&bench, "maxmemory", "0").await;
    works(&bench, &held).await;
}

/// Without effects it needs no more memory, as other completions.
#[tokio::test]
async fn a_full_server_and_no_effects() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    set(&bench, "maxmemory", "1").await;
    bench.store.complete_with(&held, RedisEffects::new()).await.expect("no memory needed");
    assert_eq!(bench.record("d").await.0.len(), 17);
    let left: i64 = bench.server.command(&["TTL", "nevent:{tickets}dd"]).await;
    assert!((86_000..=86_400).contains(&left), "the retention: {left} s");
}

/// The limit lies before, within and behind what the effects need.
#[tokio::test]
async fn memory_that_ends_in_the_middle() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    let value = vec![b'x'; 64 << 10];
    let large =
        (0..32).fold(RedisEffects::new(), |all, n| all.rpush(format!("{{tickets}}:{n}"), &value));
    let (mut refused, mut executed) = (0, 0);
    for room in (0..24).map(|step| step * (256 << 10)) {
        bench.server.command::<()>(&["FLUSHALL", "SYNC"]).await;
        crate::support::held::claim_again(&bench.store, held.claim()).await;
        let memory: String = bench.server.command(&["INFO", "memory"]).await;
        let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:"));
        let used: u64 = used.expect("a number").trim().parse().expect("a number");
        set(&bench, "maxmemory", &(used + room).to_string()).await;
        let done = bench.store.complete_with(&held, large.clone()).await;
        set(&bench, "maxmemory", "0").await;
        match done {
            Ok(()) => executed += 1,
            Err(CompleteError::Database(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
        let expected = if done.is_ok() { 32 } else { 0 };
        assert_eq!(bench.effects().await.len(), expected, "room for {room} bytes");
        assert_eq!(bench.record("d").await.0.len() == 17, done.is_ok());
    }
    assert!(refused > 0 && executed > 0, "{refused} and {executed}");
}

#[tokio::test]
async fn a_replica() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    bench.server.command::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    refuses(&bench, &held, "read only").await;
    bench.server.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    works(&bench, &held).await;
}

#[tokio::test]
async fn a_master_without_its_replicas() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    set(&bench, "min-replicas-to-write", "1").await;
    refuses(&bench, &held, "NOREPLICAS").await;
    set(&bench, "min-replicas-to-write", "0").await;
    works(&bench, &held).await;
}

#[tokio::test]
async fn a_server_that_cannot_save() {
    let bench = Bench::with(&["--enable-protected-configs", "yes"]).await;
    let held = bench.held("d").await;
    set(&bench, "save", "3600 1").await;
    // Longer than the name of a file may be.
    set(&bench, "dbfilename", &"x".repeat(300)).await;
    bench.server.command::<()>(&["BGSAVE"]).await;
    eventually("it has failed", async || {
        let info: String = bench.server.command(&["INFO", "persistence"]).await;
        info.contains("rdb_last_bgsave_status:err")
    })
    .await;
    refuses(&bench, &held, "MISCONF").await;
    set(&bench, "save", "").await;
    works(&bench, &held).await;
}

/// The server closes the connection on such a value, before any script runs.
#[tokio::test]
async fn a_value_longer_than_the_server_takes() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    set(&bench, "proto-max-bulk-len", "1048576").await;
    let large = RedisEffects::new()
        .rpush("{tickets}:small", "x")
        .rpush("{tickets}:large", vec![b'x'; 2 << 20]);
    let failed = bench.store.complete_with(&held, large).await;
    assert!(matches!(failed, Err(CompleteError::Database(_))), "{failed:?}");
    assert_eq!((bench.effects().await.len(), bench.record("d").await.1), (0, true));
    works(&bench, &held).await;
}

/// The server does not know a command by its name, and cannot say whether the user may execute it.
#[tokio::test]
async fn a_renamed_command() {
    for renamed in ["HSET", "INCRBY", "TYPE", "XINFO"] {
        let bench = Bench::with(&["--rename-command", renamed, "RENAMED"]).await;
        let held = bench.held("d").await;
        let before = bench.record("d").await;
        let failed = bench.store.complete_with(&held, all_kinds()).await;
        if renamed == "XINFO" {
            // It is needed only for a stream that is there.
            failed.expect("not needed");
            continue;
        }
        assert!(matches!(failed, Err(CompleteError::Database(_))), "{renamed}: {failed:?}");
        assert_eq!((bench.effects().await.len(), bench.record("d").await), (0, before));
    }
}

/// The call is executed and its answer lost. The store sends it once more, which executes nothing.
#[tokio::test]
async fn a_lost_answer() {
    let bench = Bench::start().await;
    let proxy = Proxy::before(bench.server.address()).await;
    let url = bench.server.url_through(proxy.address());
    let store = RedisStore::connect(&url).await.expect("a server");
    let held = held(&store, "tickets", "d").await;
    // The server knows the script, so that the call is one command.
    let first = bench.held("first").await;
    store.complete_with(&first, RedisEffects::new()).await.expect("held");
    proxy.lose_next_answer();
    let done = store.complete_with(&held, RedisEffects::new().rpush("{tickets}:jobs", "x")).await;
    assert!(matches!(done, Err(CompleteError::AlreadyCompleted)), "{done:?}");
    assert_eq!((proxy.lost(), bench.read(&["LLEN", "{tickets}:jobs"]).await), (1, "1".to_owned()));
}

/// Enough for some to be on their way when the server dies.
const MANY: usize = 100;

/// Delivers as fast as it can, until the server dies once its replica has many. Returns the ids that were
/// acknowledged.
async fn until_it_dies(receiver: &Receiver, server: &Server, replica: &Server) -> HashSet<String> {
    let workers = (0..8).map(async |worker| {
        let mut acknowledged = Vec::new();
        for number in 0.. {
            let id = format!("{worker}-{number}");
            if receiver.deliver(&Post::new(&id).body(&*id)).await.status != 200 {
                break;
            }
            acknowledged.push(id);
        }
        acknowledged
    });
    let death = async {
        eventually("the replica has many", async || {
            replica.command::<usize>(&["SCARD", "{tickets}:two"]).await >= MANY
        })
        .await;
        server.kill();
    };
    let (acknowledged, ()) = tokio::join!(futures_util::future::join_all(workers), death);
    acknowledged.into_iter().flatten().collect()
}

/// The deliveries that are completed in this server. Both effects are there for these and no others.
async fn completed(server: &Server) -> HashSet<String> {
    let members = async |key: &str| server.command::<HashSet<String>>(&["SMEMBERS", key]).await;
    let mut completed = HashSet::new();
    for key in server.command::<Vec<String>>(&["KEYS", "nevent:{tickets}d*"]).await {
        if server.command::<usize>(&["STRLEN", &key]).await == 17 {
            completed.insert(key.replace("nevent:{tickets}d", ""));
        }
    }
    assert_eq!(members("{tickets}:one").await, completed);
    assert_eq!(members("{tickets}:two").await, completed);
    completed
}

async fn sells_two(store: RedisStore, delivery: Delivery) -> Result<StatusCode, Rejection> {
    let id = delivery.id().as_str();
    let effects = RedisEffects::new().sadd("{tickets}:one", id).sadd("{tickets}:two", id);
    store.complete_with(delivery.claim().expect("claimed"), effects).await?;
    Ok(StatusCode::OK)
}

async fn receiver(store: &RedisStore) -> Receiver {
    let own = store.clone();
    let setup = Receiver::on(Adapter::Axum).store(store.clone());
    setup.refusing_handler(move |delivery| sells_two(own.clone(), delivery)).start().await
}

/// The log and the replica get a script's writes as one transaction.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_under_load() {
    let bench = Bench::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let replica = bench.server.replica(&[]).await;
    let receiver = receiver(&bench.store).await;
    let acknowledged = until_it_dies(&receiver, &bench.server, &replica).await;
    replica.command::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    // It may lack the last ones, and has none by half.
    assert!(completed(&replica).await.len() >= MANY);
    bench.server.restart().await;
    assert!(completed(&bench.server).await.is_superset(&acknowledged));
}

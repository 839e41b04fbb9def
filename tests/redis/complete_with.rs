//! Effects that are executed together with the completion: once, for the owner alone.

use nevent_webhooks::store::{ClaimAnswer, RedisEffects, RedisOptions, RedisSource, RedisStore};
use nevent_webhooks::transaction::CompleteError;
use nevent_webhooks::{ClaimState, Store};

use crate::support::claim;
use crate::support::held::{Bench, held, taken_by_another};

/// One of each command.
pub fn all_kinds() -> RedisEffects {
    RedisEffects::new()
        .xadd("{tickets}:sales", [("event", "evt_1"), ("seat", "B4")])
        .lpush("{tickets}:jobs", "first")
        .rpush("{tickets}:jobs", "last")
        .sadd("{tickets}:events", "evt_1")
        .hset("{tickets}:seats", "B4", b"taken\0\xff")
        .incr_by("{tickets}:sold", 2)
}

/// What `all_kinds` leaves, executed this often. A repeated `SADD` or `HSET` changes nothing.
async fn are_executed(bench: &Bench, times: usize) {
    for (words, expected) in [
        (["XLEN", "{tickets}:sales"], times),
        (["LLEN", "{tickets}:jobs"], 2 * times),
        (["SCARD", "{tickets}:events"], times.min(1)),
        (["HLEN", "{tickets}:seats"], times.min(1)),
    ] {
        assert_eq!(bench.read(&words).await, expected.to_string(), "{words:?}");
    }
    let sold = if times == 0 { String::new() } else { (2 * times).to_string() };
    assert_eq!(bench.read(&["GET", "{tickets}:sold"]).await, sold);
}

#[tokio::test]
async fn every_command_is_executed_and_the_delivery_completed() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    bench.store.complete_with(&held, all_kinds()).await.expect("held");
    assert_eq!(held.state(), ClaimState::Committed);
    are_executed(&bench, 1).await;
    let jobs: Vec<String> = bench.server.command(&["LRANGE", "{tickets}:jobs", "0", "-1"]).await;
    assert_eq!(jobs, ["first", "last"]);
    let entry = bench.read(&["XRANGE", "{tickets}:sales", "-", "+"]).await;
    let said = ["event", "evt_1", "seat", "B4"].map(|word| entry.find(&format!("\"{word}\"")));
    assert!(said.iter().all(Option::is_some) && said.is_sorted(), "{entry}");
    let value: Vec<u8> = bench.server.command(&["HGET", "{tickets}:seats", "B4"]).await;
    assert_eq!(value, b"taken\0\xff");
    assert_eq!(
        bench.store.claim(&claim_of(&held)).await.expect("a server"),
        ClaimAnswer::Completed
    );
    let left: i64 = bench.server.command(&["TTL", "nevent:{tickets}dd"]).await;
    assert!((86_000..=86_400).contains(&left), "the retention: {left} s");
}

/// The same delivery for another attempt.
fn claim_of(held: &nevent_webhooks::ClaimHandle) -> nevent_webhooks::store::Claim {
    let mut claim = claim(held.id().as_str());
    claim.fingerprint = held.claim().fingerprint;
    claim
}

/// Also after the first call's answer was lost.
#[tokio::test]
async fn a_repeated_call_executes_nothing() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    bench.store.complete_with(&held, all_kinds()).await.expect("held");
    for _ in 0..3 {
        let again = bench.store.complete_with(&held, all_kinds()).await;
        assert!(matches!(again, Err(CompleteError::AlreadyCompleted)), "{again:?}");
    }
    are_executed(&bench, 1).await;
    assert_eq!(held.state(), ClaimState::Committed, "the first call's success is final");
}

#[tokio::test]
async fn many_calls_at_once_execute_it_once() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    let calls = (0..50).map(|_| bench.store.complete_with(&held, all_kinds()));
    let done = futures_util::future::join_all(calls).await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
    are_executed(&bench, 1).await;
}

#[tokio::test]
async fn another_token_executes_nothing() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    let other = taken_by_another(&bench.store, held.claim()).await;
    let before = bench.record("d").await;
    let lost = bench.store.complete_with(&held, all_kinds()).await;
    assert!(matches!(lost, Err(CompleteError::Lost)), "{lost:?}");
    assert_eq!(held.state(), ClaimState::Refused);
    assert_eq!((bench.effects().await.len(), bench.record("d").await), (0, before));
    // Once the other has completed it, its effect has happened.
    bench.store.complete(&other).await.expect("a server");
    let completed = bench.store.complete_with(&held, all_kinds()).await;
    assert!(matches!(completed, Err(CompleteError::AlreadyCompleted)), "{completed:?}");
    are_executed(&bench, 0).await;
}

/// Unlike `Store::complete`, which records a completion over a lost record: here the effect would be
/// executed by two attempts.
#[tokio::test]
async fn a_missing_record_executes_nothing() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    bench.store.release(held.claim()).await.expect("a server");
    let lost = bench.store.complete_with(&held, all_kinds()).await;
    assert!(matches!(lost, Err(CompleteError::Lost)), "{lost:?}");
    assert_eq!(bench.read(&["EXISTS", "nevent:{tickets}dd"]).await, "0");
    are_executed(&bench, 0).await;
}

#[tokio::test]
async fn a_foreign_value_in_the_records_place_executes_nothing() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    for write in [
        &["SET", "nevent:{tickets}dd", "of another program, and as long as a record"][..],
        &["LPUSH", "nevent:{tickets}dd", "x"],
    ] {
        bench.server.command::<()>(&["DEL", "nevent:{tickets}dd"]).await;
        bench.server.command::<redis::Value>(write).await;
        let failed = bench.store.complete_with(&held, all_kinds()).await;
        assert!(matches!(failed, Err(CompleteError::Database(_))), "{failed:?}");
        assert_eq!(bench.effects().await.len(), 0);
    }
}

#[tokio::test]
async fn without_effects_it_is_a_completion_for_the_owner() {
    let bench = Bench::start().await;
    let held = bench.held("d").await;
    bench.store.complete_with(&held, RedisEffects::new()).await.expect("held");
    let again = bench.store.complete_with(&held, RedisEffects::new()).await;
    assert!(matches!(again, Err(CompleteError::AlreadyCompleted)), "{again:?}");
}

/// Two with a server that does not know the script.
#[tokio::test]
async fn it_is_one_round_trip() {
    let bench = Bench::start().await;
    let commands = async || {
        let stats: String = bench.server.command(&["INFO", "commandstats"]).await;
        let calls = |name: &str| {
            let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:")));
            line.map_or(0, |line| {
                line[..line.find(',').expect("more")]
                    .rsplit('=')
                    .next()
                    .expect("a number")
                    .parse()
                    .expect("a number")
            })
        };
        (calls("evalsha"), calls("eval"))
    };
    let mut handles = Vec::new();
    for id in ["a", "b", "c"] {
        handles.push(bench.held(id).await);
    }
    bench.server.command::<()>(&["SCRIPT", "FLUSH"]).await;
    bench.server.command::<()>(&["CONFIG", "RESETSTAT"]).await;
    let mut counts: Vec<(u64, u64)> = Vec::new();
    for held in &handles {
        bench.store.complete_with(held, all_kinds()).await.expect("held");
        counts.push(commands().await);
    }
    assert_eq!(counts, [(1, 1), (2, 1), (3, 1)]);
    are_executed(&bench, 3).await;
}

#[tokio::test]
async fn with_another_prefix_and_scope() {
    let bench = Bench::start().await;
    for prefix in ["", "shop:"] {
        let source: RedisSource = bench.server.url().parse().expect("a URL");
        let options = RedisOptions::new().prefix(prefix);
        let store = RedisStore::open(source, options).await.expect("a server");
        let held = held(&store, "fans & friends", prefix.len().to_string().as_str()).await;
        let key = RedisEffects::key(held.scope(), "sales");
        assert_eq!(key, "{fans & friends}:sales");
        store.complete_with(&held, RedisEffects::new().rpush(key, "x")).await.expect("held");
    }
    assert_eq!(bench.read(&["LLEN", "{fans & friends}:sales"]).await, "2");
}

/// As many as are allowed, in one command and in many.
#[tokio::test]
async fn the_greatest_number_of_arguments_is_executed() {
    let bench = Bench::start().await;
    let held = bench.held("many commands").await;
    let many = (0..1000).fold(RedisEffects::new(), |all, _| all.rpush("{tickets}:many", "x"));
    bench.store.complete_with(&held, many).await.expect("4,000 arguments");
    assert_eq!(bench.read(&["LLEN", "{tickets}:many"]).await, "1000");
    let held = bench.held("many fields").await;
    let fields = (0..1998).map(|n| (n.to_string(), "x"));
    let one = RedisEffects::new().xadd("{tickets}:one", fields);
    bench.store.complete_with(&held, one).await.expect("4,000 arguments");
    assert_eq!(bench.read(&["XLEN", "{tickets}:one"]).await, "1");
}

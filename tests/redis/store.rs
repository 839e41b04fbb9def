//! The promises of the store, and its cost for the server.

use std::future::ready;
use std::time::Duration;

use futures_util::StreamExt;
use nevent_webhooks::store::conformance::Harness;
use nevent_webhooks::store::{
    ClaimAnswer, Completion, RecordKind, RedisOptions, RedisSource, RedisStore,
};
use nevent_webhooks::{DeliveryId, ManualClock, ReplayKey, Store};
use tokio::sync::OnceCell;

use crate::support::{Server, claim, eventually};

/// One server for each promise that is tried.
#[derive(Default)]
struct OwnServer(OnceCell<Server>);

impl Harness for OwnServer {
    type Store = RedisStore;

    async fn store(&self) -> RedisStore {
        let server = self.0.get_or_init(Server::start).await;
        RedisStore::connect(&server.url()).await.expect("a server")
    }

    /// Shares a connection with nobody; the server's clock is the only one.
    async fn another_process(&self, _clock: ManualClock) -> Option<RedisStore> {
        Some(self.store().await)
    }
}

mod keeps {
    nevent_webhooks::store_conformance!(super::OwnServer::default());
}

async fn connected() -> (Server, RedisStore) {
    let server = Server::start().await;
    let store = RedisStore::connect(&server.url()).await.expect("a server");
    (server, store)
}

/// How often clients called a command, scripts not counted.
async fn calls(server: &Server, command: &str) -> u64 {
    let stats: String = server.command(&["INFO", "commandstats"]).await;
    let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    let calls = line.and_then(|line| line.split(['=', ',']).nth(1));
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}

#[tokio::test]
async fn a_claim_and_a_completion_are_a_round_trip_each() {
    let (server, store) = connected().await;
    assert!(format!("{store:?}").starts_with("RedisStore(RedisSource("), "{store:?}");
    let mut first = claim("first");
    first.replay_keys = [ReplayKey::from_bytes([1; 16]), ReplayKey::from_bytes([2; 16])].into();
    store.claim(&first).await.expect("a server");
    store.complete(&first).await.expect("a server");
    server.command::<()>(&["CONFIG", "RESETSTAT"]).await;
    for number in 0..10 {
        let mut next = claim(&format!("{number}"));
        next.replay_keys = [ReplayKey::from_bytes([10 + number; 16])].into();
        assert_eq!(store.claim(&next).await.expect("a server"), ClaimAnswer::Acquired);
        assert_eq!(store.complete(&next).await.expect("a server"), Completion::Recorded);
    }
    assert_eq!((calls(&server, "evalsha").await, calls(&server, "eval").await), (20, 0));
}

/// What the server itself says that it was sent.
#[tokio::test]
async fn a_claim_and_a_completion_are_a_command_each() {
    let (server, store) = connected().await;
    let mut next = claim("first");
    next.replay_keys = [ReplayKey::from_bytes([1; 16])].into();
    store.claim(&next).await.expect("a server");
    // From here on the server knows the scripts.
    store.complete(&next).await.expect("a server");
    let mut monitor = server.client().get_async_monitor().await.expect("a server");
    next.id = DeliveryId::new("next").expect("an id");
    next.replay_keys = [ReplayKey::from_bytes([2; 16])].into();
    store.claim(&next).await.expect("a server");
    store.complete(&next).await.expect("a server");
    server.command::<()>(&["PING"]).await;

    let lines = monitor.on_message::<String>();
    let lines = lines.take_while(|line| ready(!line.contains("\"PING\"")));
    let lines: Vec<String> = lines.collect().await;
    // The commands of the store alone come over TCP. Those of a script come from `lua`.
    let ours = lines.iter().filter(|line| line.contains(" 127.0.0.1:"));
    let names: Vec<_> = ours.filter_map(|line| line.split('"').nth(1)).collect();
    assert_eq!(names, ["EVALSHA", "EVALSHA"], "{lines:?}");
    assert!(lines.len() <= 6, "a script makes two calls: {lines:?}");
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let (server, store) = connected().await;
    for id in ["one", "two"] {
        server.command::<()>(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(store.claim(&claim(id)).await.expect("a server"), ClaimAnswer::Acquired);
    }
    server.kill();
    server.restart().await;
    eventually("it is connected", async || store.claim(&claim("three")).await.is_ok()).await;
    server.command::<()>(&["CONFIG", "RESETSTAT"]).await;
    store.claim(&claim("four")).await.expect("a server");
    assert_eq!((calls(&server, "evalsha").await, calls(&server, "eval").await), (1, 0));
}

#[tokio::test]
async fn every_key_has_the_prefix_and_the_scope_and_expires() {
    let server = Server::start().await;
    let source: RedisSource = server.url().parse().expect("a URL");
    let options = RedisOptions::new().prefix("shop:");
    let store = RedisStore::open(source, options).await.expect("a server");
    let mut completed = claim("completed");
    completed.replay_keys = [ReplayKey::from_bytes(*b"0123456789abcdef")].into();
    store.claim(&completed).await.expect("a server");
    store.complete(&completed).await.expect("a server");
    store.claim(&claim("in flight")).await.expect("a server");
    let mut event = claim("completed");
    event.kind = RecordKind::Event;
    store.claim(&event).await.expect("a server");

    let mut keys: Vec<String> = server.command(&["KEYS", "*"]).await;
    keys.sort();
    let names = ["dcompleted", "din flight", "ecompleted", "r0123456789abcdef"];
    assert_eq!(keys, names.map(|name| format!("shop:{{tickets}}{name}")));
    for (key, longest) in keys.iter().zip([24 * 3600, 30, 30, 660]) {
        let left: i64 = server.command(&["TTL", key]).await;
        assert!((longest - 5..=longest).contains(&left), "{key} expires in {left} s");
    }
    // Small enough to be kept in one allocation, in flight too.
    for key in &keys {
        let encoding: String = server.command(&["OBJECT", "ENCODING", key]).await;
        assert_eq!(encoding, "embstr", "{key}");
    }
}

#[tokio::test]
async fn one_database_or_another() {
    let server = Server::start().await;
    let third = RedisStore::connect(&format!("{}/3", server.url())).await.expect("a server");
    third.claim(&claim("one")).await.expect("a server");
    let keyspace: String = server.command(&["INFO", "keyspace"]).await;
    assert!(keyspace.contains("db3:keys=1") && !keyspace.contains("db0"), "{keyspace}");
}

/// Lengths of time beyond what the server counts are cut, and nothing is deleted.
#[tokio::test]
async fn the_longest_durations_are_capped() {
    let (_server, store) = connected().await;
    let mut long = claim("long");
    (long.lease, long.retention) = (Duration::MAX, Duration::MAX);
    assert_eq!(store.claim(&long).await.expect("a server"), ClaimAnswer::Acquired);
    assert_eq!(store.complete(&long).await.expect("a server"), Completion::Recorded);
    assert_eq!(store.claim(&claim("long")).await.expect("a server"), ClaimAnswer::Completed);
    let mut short = claim("short");
    short.replay_keys = [ReplayKey::from_bytes([1; 16])].into();
    (short.lease, short.retention) = (Duration::ZERO, Duration::ZERO);
    short.replay_window = Duration::ZERO;
    assert_eq!(store.claim(&short).await.expect("a server"), ClaimAnswer::Acquired);
    assert_eq!(store.complete(&short).await.expect("a server"), Completion::Recorded);
}

/// A record of a release that hashes bodies differently: the fingerprints cannot be compared.
#[tokio::test]
async fn a_fingerprint_of_another_format_is_no_conflict() {
    let (server, store) = connected().await;
    let foreign = "\u{2}sixteen bytes...";
    server.command::<()>(&["SET", "nevent:{tickets}dold", foreign]).await;
    assert_eq!(store.claim(&claim("old")).await.expect("a server"), ClaimAnswer::Completed);
    let held = format!("{foreign}token of another30000");
    server.command::<()>(&["SET", "nevent:{tickets}dheld", &held]).await;
    let answer = store.claim(&claim("held")).await.expect("a server");
    assert!(matches!(answer, ClaimAnswer::InFlight { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_retention_is_kept_as_it_is_up_to_a_century() {
    const YEAR: u64 = 365 * 24 * 3600;
    let (server, store) = connected().await;
    for (years, kept) in [(1, 1), (99, 99), (1_000_000, 100)] {
        let mut done = claim(&years.to_string());
        done.retention = Duration::from_secs(years * YEAR);
        store.complete(&done).await.expect("a server");
        let seconds: u64 = server.command(&["TTL", &format!("nevent:{{tickets}}d{years}")]).await;
        assert!((kept * YEAR - 60..=kept * YEAR).contains(&seconds), "{years} years: {seconds}");
    }
}

#[tokio::test]
async fn the_rest_of_a_lease_has_the_right_unit() {
    let (_server, store) = connected().await;
    store.claim(&claim("d")).await.expect("a server");
    match store.claim(&claim("d")).await.expect("a server") {
        ClaimAnswer::InFlight { lease } => {
            assert!((20..=30).contains(&lease.as_secs()), "{lease:?}");
        }
        other => panic!("{other:?}"),
    }
}

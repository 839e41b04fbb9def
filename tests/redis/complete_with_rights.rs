//! Effects, and what the user of the server may do.

use std::error::Error;

use nevent_webhooks::store::{RedisEffectError as Refusal, RedisStore};
use nevent_webhooks::transaction::CompleteError;

use crate::complete_with::all_kinds;
use crate::support::Server;
use crate::support::held::{Bench, held};

/// Rights beyond those of the store, for a handler that uses all commands.
const RIGHTS: &str = "+type +xinfo|stream +xadd +lpush +rpush +sadd +hset +incrby";
const STORE: &str = "on >sesame ~nevent:* +evalsha +eval +get +set +del +pexpire +pttl +ping +info";

async fn with_rights(server: &Server, rights: &str) {
    let words = format!("ACL SETUSER receiver reset {STORE} {rights}");
    server.command::<()>(&words.split(' ').collect::<Vec<_>>()).await;
}

/// A store that logs in as a user with these rights.
async fn limited(rights: &str) -> (Bench, RedisStore) {
    let bench = Bench::start().await;
    with_rights(&bench.server, rights).await;
    let url = bench.server.url().replace("redis://", "redis://receiver:sesame@");
    let store = RedisStore::connect(&url).await.expect("rights enough");
    (bench, store)
}

/// The rights that the documentation names.
#[tokio::test]
async fn a_user_with_the_least_rights() {
    let (bench, store) = limited(&format!("~{{tickets}}:* {RIGHTS}")).await;
    for id in ["first", "second"] {
        let held = held(&store, "tickets", id).await;
        store.complete_with(&held, all_kinds()).await.expect("rights enough");
    }
    assert_eq!(bench.read(&["XLEN", "{tickets}:sales"]).await, "2");
}

#[tokio::test]
async fn a_command_that_the_user_may_not_execute() {
    let (bench, store) = limited("~{tickets}:*").await;
    let held = held(&store, "tickets", "d").await;
    let before = bench.record("d").await;
    for command in ["xadd", "lpush", "rpush", "sadd", "hset", "incrby"] {
        let rights = RIGHTS.replace(&format!(" +{command}"), "");
        with_rights(&bench.server, &format!("~{{tickets}}:* {rights}")).await;
        let error = store.complete_with(&held, all_kinds()).await.expect_err("no right");
        let CompleteError::Refused(Refusal::NoPermission { command: named, .. }) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(named.to_lowercase(), command);
        assert_eq!((bench.effects().await.len(), bench.record("d").await), (0, before.clone()));
    }
    // Without these the script cannot check, and says so.
    for right in ["+type ", "+xinfo|stream "] {
        bench.server.command::<()>(&["XADD", "{tickets}:sales", "*", "a", "b"]).await;
        with_rights(&bench.server, &format!("~{{tickets}}:* {}", RIGHTS.replace(right, ""))).await;
        let error = store.complete_with(&held, all_kinds()).await.expect_err("no right");
        let source = error.source().expect("a reason").to_string();
        assert!(source.contains("Give its user the permissions"), "{source}");
        assert_eq!((bench.effects().await.len(), bench.record("d").await), (1, before.clone()));
        bench.server.command::<()>(&["DEL", "{tickets}:sales"]).await;
    }
}

#[tokio::test]
async fn a_key_that_the_user_may_not_write() {
    let (bench, store) = limited("~{tickets}:*").await;
    let held = held(&store, "tickets", "d").await;
    let keys = "~{tickets}:sales ~{tickets}:jobs ~{tickets}:events ~{tickets}:seats";
    with_rights(&bench.server, &format!("{keys} {RIGHTS}")).await;
    let before = bench.record("d").await;
    let error = store.complete_with(&held, all_kinds()).await.expect_err("no right");
    let said = error.source().expect("a reason").to_string();
    // Before version 7, a server does not tell which key it is.
    assert!(said.contains("\"{tickets}:sold\"") || said.contains("permissions"), "{said}");
    assert_eq!((bench.effects().await.len(), bench.record("d").await), (0, before));
}

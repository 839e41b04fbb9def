//! Servers that the store works with, but warns of.

use nevent_webhooks::store::{RedisStore, RedisWarning};

use crate::refusals::says;
use crate::support::Server;

#[tokio::test]
async fn a_server_that_evicts_is_warned_of() {
    let server =
        Server::with(&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"]).await;
    let store = RedisStore::connect(&server.url()).await.expect("it works");
    let [RedisWarning::Evicts { policy, .. }] = store.warnings() else {
        panic!("{:?}", store.warnings());
    };
    assert_eq!(policy, "volatile-lru");
    says(&store.warnings()[0].to_string(), &["volatile-lru", "handled again", "noeviction"]);
    server.command::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    assert_eq!(store.ready().await.expect("it works"), []);
}

#[tokio::test]
async fn a_server_that_does_not_know_info() {
    let server = Server::with(&["--rename-command", "INFO", ""]).await;
    let store = RedisStore::connect(&server.url()).await.expect("it works all the same");
    assert!(matches!(store.warnings(), [RedisWarning::Unchecked { .. }]), "{:?}", store.warnings());
    says(&store.warnings()[0].to_string(), &["unknown command", "maxmemory-policy is noeviction"]);
}

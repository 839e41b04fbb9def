//! The promises of the store.

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::conformance::Harness;
use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, SqliteStore, Store};
use tokio::task::JoinSet;

use crate::support::{Directory, claim};

/// One file for each promise that is tried.
struct OwnFile(Directory);

impl Harness for OwnFile {
    type Store = SqliteStore;

    async fn store(&self) -> SqliteStore {
        self.0.store().await
    }

    /// With a connection and a thread of its own. The machine's clock is the only one.
    async fn another_process(&self, _clock: ManualClock) -> Option<SqliteStore> {
        Some(self.0.store().await)
    }
}

mod keeps {
    nevent_webhooks::store_conformance!(super::OwnFile(super::Directory::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_claims_at_once_in_two_stores_one_is_acquired() {
    let directory = Directory::new();
    let stores = [directory.store().await, directory.store().await];
    let mut claims = JoinSet::new();
    for number in 0..600 {
        let store = stores[number % 2].clone();
        let claim = claim(&format!("{}", number % 100));
        claims.spawn(async move { store.claim(&claim).await.expect("a file") });
    }
    let answers = claims.join_all().await;
    let acquired = answers.iter().filter(|answer| **answer == ClaimAnswer::Acquired).count();
    assert_eq!((answers.len(), acquired), (600, 100));
}

/// A later release may compute fingerprints otherwise. They cannot be compared.
#[tokio::test]
async fn fingerprints_of_another_format_are_no_conflict() {
    let directory = Directory::new();
    let store = directory.store().await;
    let mut other_body = claim("d");
    store.complete(&other_body).await.expect("a file");
    other_body.fingerprint = claim("another body").fingerprint;
    assert_eq!(store.claim(&other_body).await.expect("a file"), ClaimAnswer::Conflict);

    let of_format_2 = [2_u8; 17];
    let change = "UPDATE nevent_webhooks_records SET fingerprint = ?1";
    directory.connection().execute(change, [of_format_2]).expect("a table");
    assert_eq!(store.claim(&other_body).await.expect("a file"), ClaimAnswer::Completed);
}

/// The caller gave up before the store's thread began: nobody would complete or release the claim.
#[tokio::test]
async fn a_claim_that_was_dropped_while_it_waited_takes_nothing() {
    let directory = Directory::new();
    let store = directory.store().await;
    let connection = directory.connection();
    connection.execute_batch("BEGIN IMMEDIATE").expect("a file");
    let dropped = claim("d");
    let waits = tokio::time::timeout(std::time::Duration::from_millis(50), store.claim(&dropped));
    waits.await.expect_err("the lock is held");
    connection.execute_batch("COMMIT").expect("a transaction");
    assert_eq!(store.claim(&claim("d")).await.expect("a file"), ClaimAnswer::Acquired);
}

#[tokio::test]
async fn the_tables_may_be_created_by_other_means() {
    let directory = Directory::new();
    for _ in 0..2 {
        directory.connection().execute_batch(SqliteStore::schema_sql()).expect("a file");
    }
    let store = directory.store().await;
    let one: Claim = claim("d");
    assert_eq!(store.complete(&one).await.expect("a file"), Completion::Recorded);
    let versions = "SELECT count(*) FROM nevent_webhooks_schema";
    let versions = directory.connection().query_row(versions, [], |row| row.get::<_, i64>(0));
    assert_eq!(versions.expect("a table"), 1);
}

//! A clock that was set back, and rows that expire.

use std::time::{Duration, Instant};

use nevent_webhooks::store::{Claim, ClaimAnswer, Store};
use nevent_webhooks::{ReplayKey, ReplayKeys};

use crate::support::{Directory, PATIENCE, claim};

/// As it looks to the store when the clock is set back by a day: all times are a day later.
fn set_back_by_a_day(directory: &Directory) {
    let later = "UPDATE nevent_webhooks_records
            SET ends = ends + 86400000, delete_after = delete_after + 86400000;
        UPDATE nevent_webhooks_replays SET expires = expires + 86400000";
    directory.connection().execute_batch(later).expect("a table");
}

#[tokio::test]
async fn a_lease_lasts_no_longer_than_its_length_after_the_clock_was_set_back() {
    let directory = Directory::new();
    let store = directory.store().await;
    let mut crashed = claim("d");
    crashed.lease = Duration::from_secs(1);
    store.claim(&crashed).await.expect("a file");
    set_back_by_a_day(&directory);

    let answer = store.claim(&claim("d")).await.expect("a file");
    let ClaimAnswer::InFlight { lease } = answer else { panic!("{answer:?}") };
    assert!(lease <= crashed.lease, "{lease:?}");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(store.claim(&claim("d")).await.expect("a file"), ClaimAnswer::Acquired);
}

#[tokio::test]
async fn a_retention_lasts_no_longer_than_its_length_after_the_clock_was_set_back() {
    let directory = Directory::new();
    let store = directory.store().await;
    let mut done = claim("d");
    done.retention = Duration::from_secs(1);
    store.complete(&done).await.expect("a file");
    set_back_by_a_day(&directory);

    assert_eq!(store.claim(&claim("d")).await.expect("a file"), ClaimAnswer::Completed);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(store.claim(&claim("d")).await.expect("a file"), ClaimAnswer::Acquired);
}

#[tokio::test]
async fn a_replay_window_lasts_no_longer_than_its_length_after_the_clock_was_set_back() {
    let directory = Directory::new();
    let store = directory.store().await;
    let with_key = |id: &str| {
        let mut claim: Claim = claim(id);
        claim.replay_keys = ReplayKeys::first_four([ReplayKey::from_bytes([7; 16])]);
        claim.replay_window = Duration::from_secs(1);
        claim
    };
    store.claim(&with_key("first")).await.expect("a file");
    set_back_by_a_day(&directory);

    let answer = store.claim(&with_key("second")).await.expect("a file");
    assert!(matches!(answer, ClaimAnswer::ReplayOf(first) if first.as_str() == "first"));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let answer = store.claim(&with_key("second")).await.expect("a file");
    assert_eq!(answer, ClaimAnswer::Acquired);
}

/// In batches, under load and when idle.
#[tokio::test]
async fn expired_rows_are_deleted_and_others_are_kept() {
    let directory = Directory::new();
    let store = directory.store().await;
    store.complete(&claim("kept")).await.expect("a file");
    let expired = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 3000)
        INSERT INTO nevent_webhooks_records
            SELECT 1, 1, 1, 1, n % 2, 'tickets', 'delivery', 'expired ' || n, x'00', x'00' FROM n";
    let connection = directory.connection();
    connection.execute_batch(expired).expect("a table");
    let replays = "INSERT INTO nevent_webhooks_replays
        SELECT 1, 1, scope, CAST(id AS BLOB), id FROM nevent_webhooks_records";
    connection.execute_batch(replays).expect("a table");
    let left = || {
        let count = "SELECT (SELECT count(*) FROM nevent_webhooks_records),
            (SELECT count(*) FROM nevent_webhooks_replays)";
        let both = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        connection.query_row(count, [], both).expect("a table")
    };
    assert_eq!(left(), (3001, 3001));
    let begun = Instant::now();
    while left() != (1, 0) {
        assert!(begun.elapsed() < PATIENCE, "{:?}", left());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(store.claim(&claim("kept")).await.expect("a file"), ClaimAnswer::Completed);
}

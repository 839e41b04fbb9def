//! What the store's statements read and write, under the settings of the database.

use std::time::{Duration, Instant};

use nevent_webhooks::store::{ClaimAnswer, Completion, PostgresOptions, PostgresStore};
use nevent_webhooks::{ReplayKey, ReplayKeys, Store};
use tokio::time::sleep;
use tokio_postgres::Client;

use crate::support::{PATIENCE, Server, claim};

/// The database's default would make claims fail that run at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_default_isolation_changes_nothing() {
    for isolation in ["repeatable read", "serializable"] {
        let server = Server::start().await;
        let set =
            format!("ALTER DATABASE postgres SET default_transaction_isolation = '{isolation}'");
        server.execute(&set).await;
        let store = server.store().await;
        let claims: Vec<_> = (0..200).map(|number| claim(&format!("d{}", number % 20))).collect();
        let answers = futures_util::future::join_all(claims.iter().map(|c| store.claim(c))).await;
        let acquired = answers.into_iter().map(|answer| answer.expect("a server"));
        assert_eq!(acquired.filter(|answer| *answer == ClaimAnswer::Acquired).count(), 20);
    }
}

/// The default changes while the store runs. Claims then make each other fail, and are tried again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_that_made_each_other_fail_are_tried_again() {
    let server = Server::start().await;
    let store = server.store().await;
    let set = "ALTER DATABASE postgres SET default_transaction_isolation = 'repeatable read'";
    server.execute(set).await;
    let client = server.client().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE application_name = 'nevent-webhooks'";
    client.batch_execute(end).await.expect("a superuser");
    while store.ready().await.is_err() {}
    for round in 0..5 {
        let claims: Vec<_> = (0..200).map(|n| claim(&format!("d{round}-{}", n % 20))).collect();
        let answers = futures_util::future::join_all(claims.iter().map(|c| store.claim(c))).await;
        let acquired = answers.into_iter().map(|answer| answer.expect("tried again"));
        assert_eq!(acquired.filter(|answer| *answer == ClaimAnswer::Acquired).count(), 20);
    }
}

/// The role's limit is for a handler's statements. The store sets one of its own.
#[tokio::test]
async fn a_roles_statement_timeout_does_not_cut_the_store_short() {
    let server = Server::start().await;
    server.store().await;
    server.execute("ALTER ROLE postgres SET statement_timeout = '400ms'").await;
    let store = PostgresStore::connect(&server.url()).await.expect("a migrated server");
    let claim = claim("d");
    store.claim(&claim).await.expect("a server");
    let holds = server.client().await;
    holds
        .batch_execute(
            "SET statement_timeout = 0; BEGIN; SELECT FROM nevent_webhooks.records FOR UPDATE",
        )
        .await
        .expect("a server");
    let release = async {
        sleep(Duration::from_millis(600)).await;
        holds.batch_execute("ROLLBACK").await.expect("a server");
    };
    let (completed, ()) = tokio::join!(store.complete(&claim), release);
    assert_eq!(completed.expect("it waits for the row"), Completion::Recorded);
}

/// Somebody rewrites the table. Each operation is the first of its connection, which reads the function
/// before it runs.
#[tokio::test]
async fn no_operation_waits_for_a_table_when_nobody_waits_for_it() {
    let server = Server::start().await;
    server.store().await;
    let claim = claim("d");
    let mut stores = Vec::new();
    for _ in 0..4 {
        let options = PostgresOptions::new().command_timeout(Duration::from_millis(300));
        stores.push(PostgresStore::open(&server.url(), options).await.expect("a server"));
    }
    let holds = server.client().await;
    let lock = "BEGIN; LOCK TABLE nevent_webhooks.records IN ACCESS EXCLUSIVE MODE";
    holds.batch_execute(lock).await.expect("a server");
    stores[0].claim(&claim).await.expect_err("the table is locked");
    stores[1].renew(&claim).await.expect_err("the table is locked");
    stores[2].complete(&claim).await.expect_err("the table is locked");
    stores[3].release(&claim).await.expect_err("the table is locked");
    let client = server.client().await;
    // The clean-up, which has a limit of its own, comes again and again.
    let waiting = "SELECT -count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
        AND query NOT LIKE '%delete_expired%'";
    until(&client, waiting, 0).await;
    holds.batch_execute("ROLLBACK").await.expect("a server");
    assert_eq!(stores[0].claim(&claim).await.expect("a server"), ClaimAnswer::Acquired);
}

/// Without statistics, as in a new table, the server could choose to read every row of the scope.
#[tokio::test]
async fn a_claim_reads_only_its_own_rows() {
    const CLAIMS: i64 = 1_000;
    let server = Server::with(&["autovacuum=off"]).await;
    PostgresStore::migrate(&server.url()).await.expect("a server");
    let patient = PostgresOptions::new().command_timeout(PATIENCE);
    let store = PostgresStore::open(&server.url(), patient).await.expect("a migrated server");
    for number in 0..CLAIMS {
        let mut claim = claim(&format!("d{number}"));
        let keys = [0_u8, 1].map(|key| {
            let mut bytes = [key; 16];
            bytes[8..].copy_from_slice(&number.to_be_bytes());
            ReplayKey::from_bytes(bytes)
        });
        claim.replay_keys = ReplayKeys::first_four(keys);
        assert_eq!(store.claim(&claim).await.expect("a server"), ClaimAnswer::Acquired);
        store.complete(&claim).await.expect("a server");
    }
    let client = server.client().await;
    let inserted = "SELECT sum(n_tup_ins)::bigint FROM pg_stat_user_tables";
    until(&client, inserted, 3 * CLAIMS).await;
    let read = "SELECT (sum(idx_tup_read) + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables))::bigint \
        FROM pg_stat_user_indexes";
    let read = figure(&client, read).await;
    assert!(read < 10 * CLAIMS, "{CLAIMS} deliveries read {read} rows");
}

/// Waits until a figure is there, because servers tell of them late.
async fn until(client: &Client, query: &str, least: i64) {
    let begun = Instant::now();
    while figure(client, query).await < least {
        assert!(begun.elapsed() < PATIENCE, "{query} stays below {least}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn figure(client: &Client, query: &str) -> i64 {
    client.query_one(query, &[]).await.expect("statistics").get(0)
}

/// Completions write to no index, and expired rows go away.
#[tokio::test]
async fn completions_are_hot_updates_and_expired_rows_are_deleted() {
    let server = Server::start().await;
    let store = server.store().await;
    for number in 0..300 {
        let mut claim = claim(&format!("d{number}"));
        claim.retention = Duration::from_secs(3);
        claim.lease = Duration::from_millis(10);
        store.claim(&claim).await.expect("a server");
        store.complete(&claim).await.expect("a server");
    }
    let client = server.client().await;
    let of = |column| format!("SELECT {column} FROM pg_stat_user_tables WHERE relname = 'records'");
    until(&client, &of("n_tup_upd"), 300).await;
    until(&client, &of("-n_live_tup"), 0).await;
    let (updates, hot) =
        (figure(&client, &of("n_tup_upd")).await, figure(&client, &of("n_tup_hot_upd")).await);
    assert!(hot * 10 > updates * 9, "{hot} of {updates} updates wrote to no index");
}

/// A batch deletes a thousand rows. One batch for each clean-up would take minutes.
#[tokio::test]
async fn the_clean_up_keeps_up_with_the_load() {
    let server = Server::start().await;
    let _store = server.store().await;
    server
        .execute(
            "INSERT INTO nevent_webhooks.records SELECT now() - interval '1 s', now() - interval '1 s', \
             interval '1 s', interval '1 s', true, 'tickets', 'delivery', n::text, '\\x00', '\\x01' \
             FROM generate_series(1, 100000) n",
        )
        .await;
    let left = "SELECT -count(*) FROM nevent_webhooks.records";
    until(&server.client().await, left, 0).await;
}

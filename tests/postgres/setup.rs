//! What the store checks at the start, and what it says.

use nevent_webhooks::Store;
use nevent_webhooks::store::{ClaimAnswer, Completion, PostgresOptions, PostgresStore};

use crate::support::{Server, claim};

async fn refused(url: &str) -> String {
    let error = PostgresStore::connect(url).await.expect_err("it cannot work").to_string();
    assert!(!error.contains('\n') && !error.contains("secret"), "{error}");
    error
}

#[tokio::test]
async fn urls_that_lead_nowhere_are_refused() {
    for url in ["", "localhost", "postgres://", "redis://localhost", "postgres://h:secret@[/x"] {
        let error = refused(url).await;
        assert!(error.contains("postgres://user:password@host"), "{url}: {error}");
    }
    let error = refused("postgres://app:secret@127.0.0.1:9/postgres").await;
    assert!(error.starts_with("PostgreSQL at 127.0.0.1:9: "), "{error}");
}

/// Its listener accepts nothing, and has no more room.
#[tokio::test]
async fn a_silent_host_leaves_time_for_the_next() {
    let server = Server::start().await;
    server.store().await;
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let silent = socket.listen(1).expect("a listener");
    let address = silent.local_addr().expect("an address");
    let (mut waiting, patience) = (Vec::new(), std::time::Duration::from_millis(500));
    let connect = || tokio::net::TcpStream::connect(address);
    while let Ok(stream) = tokio::time::timeout(patience, connect()).await {
        waiting.push(stream);
    }
    let url = server.url().replace("@127.0.0.1:", &format!("@{address},127.0.0.1:"));
    // Longer than by default, for a busy machine.
    let options = PostgresOptions::new().connect_timeout(std::time::Duration::from_secs(3));
    let options = options.command_timeout(std::time::Duration::from_secs(10));
    PostgresStore::open(&url, options).await.expect("the second host");
}

#[tokio::test]
async fn impossible_options_are_refused_with_their_values() {
    let with = |options| PostgresStore::open("postgres://localhost", options);
    for (options, reason) in [
        (PostgresOptions::new().schema(""), "1 to 63 bytes"),
        (PostgresOptions::new().schema("x".repeat(64)), "1 to 63 bytes"),
        (PostgresOptions::new().schema("x$$; DROP TABLE y; --"), "without `$`"),
        (PostgresOptions::new().schema("x\ny"), "control characters"),
        (PostgresOptions::new().connections(0), "no connection"),
        (PostgresOptions::new().connect_timeout(std::time::Duration::ZERO), "connect timeout"),
        (PostgresOptions::new().command_timeout(std::time::Duration::ZERO), "command timeout"),
    ] {
        let error = with(options).await.expect_err("impossible").to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_server_is_said_with_what_to_do() {
    let server = Server::start().await;
    let error = refused(&server.url()).await;
    assert!(error.contains("call PostgresStore::migrate"), "{error}");
    server.store().await;

    server.execute("CREATE ROLE app LOGIN").await;
    let limited = server.url().replace("postgres@", "app@");
    let error = refused(&limited).await;
    assert!(error.contains("grant"), "{error}");
    server.execute("GRANT USAGE ON SCHEMA nevent_webhooks TO app").await;
    let error = refused(&limited).await;
    assert!(error.contains("GRANT USAGE ON SCHEMA \"nevent_webhooks\", and SELECT"), "{error}");

    server.execute("ALTER ROLE app SET synchronous_commit = off").await;
    let error = refused(&limited).await;
    assert!(error.contains("ALTER ROLE … SET synchronous_commit = on"), "{error}");
    server.execute("ALTER ROLE app RESET synchronous_commit").await;
    let rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA nevent_webhooks TO app";
    server.execute(&format!("GRANT {rights}")).await;
    server.execute("ALTER ROLE app SET default_transaction_read_only = on").await;
    let error = refused(&limited).await;
    assert!(error.contains("SET default_transaction_read_only = off"), "{error}");

    for table in ["records", "replays"] {
        let table = format!("ALTER TABLE nevent_webhooks.{table} SET");
        server.execute(&format!("{table} UNLOGGED")).await;
        let error = refused(&server.url()).await;
        assert!(error.contains("is empty after a crash: ALTER TABLE"), "{error}");
        server.execute(&format!("{table} LOGGED")).await;
    }

    let error = refused(&server.url().replace("/postgres?", "/nowhere?")).await;
    assert!(error.contains("create the database"), "{error}");

    let older = "CREATE OR REPLACE FUNCTION nevent_webhooks.schema_version() RETURNS integer \
        LANGUAGE sql AS 'SELECT 0'";
    server.execute(older).await;
    let error = refused(&server.url()).await;
    assert!(error.contains("version 0 of the tables, not 1"), "{error}");
    server.store().await.ready().await.expect("migrated again");

    server.execute(&older.replace("SELECT 0", "SELECT 9")).await;
    let error = refused(&server.url()).await;
    assert!(error.contains("has version 9 of the tables") && error.contains("newer"), "{error}");
    let error = PostgresStore::migrate(&server.url()).await.expect_err("it is newer").to_string();
    assert!(error.ends_with("update the program"), "{error}");
}

/// With the rights that the file lists, and no more.
#[tokio::test]
async fn a_limited_role_can_do_all_that_a_store_does() {
    let server = Server::start().await;
    server.store().await;
    let sql = PostgresStore::schema_sql("nevent_webhooks").expect("a name");
    let grants = sql.lines().filter_map(|line| line.strip_prefix("--   ")?.strip_suffix(';'));
    let grants: Vec<_> = grants.filter(|line| line.contains("receiver")).collect();
    assert_eq!(grants.len(), 2);
    server.execute(&format!("CREATE ROLE receiver LOGIN; {}", grants.join(";"))).await;
    let url = server.url().replace("postgres@", "receiver@");
    let store = PostgresStore::connect(&url).await.expect("all rights");
    let claim = claim("d");
    assert_eq!(store.claim(&claim).await.expect("all rights"), ClaimAnswer::Acquired);
    store.renew(&claim).await.expect("all rights");
    assert_eq!(store.complete(&claim).await.expect("all rights"), Completion::Recorded);
    store.release(&claim).await.expect("all rights");
    store.ready().await.expect("all rights");
}

/// With the rights that the file lists for a handler, and those on its own table.
#[tokio::test]
async fn a_limited_role_can_complete_a_delivery_in_its_transaction() {
    let server = Server::start().await;
    let store = server.store().await;
    let sql = PostgresStore::schema_sql("nevent_webhooks").expect("a name");
    let grants = sql.lines().filter_map(|line| line.strip_prefix("--   ")?.strip_suffix(';'));
    let grants: Vec<_> = grants.filter(|line| line.contains("handler")).collect();
    assert_eq!(grants.len(), 2);
    server.execute("CREATE TABLE effects (id text); CREATE ROLE handler LOGIN").await;
    server.execute(&format!("GRANT INSERT ON effects TO handler; {}", grants.join(";"))).await;
    let claim = claim("d");
    store.claim(&claim).await.expect("a server");
    let url = server.url().replace("postgres@", "handler@");
    let connected = tokio_postgres::connect(&url, tokio_postgres::NoTls).await;
    let (mut client, connection) = connected.expect("a server");
    tokio::spawn(connection);
    let transaction = client.transaction().await.expect("a server");
    transaction.batch_execute("INSERT INTO effects VALUES ('d')").await.expect("all rights");
    let (scope, kind, id) = (claim.scope.as_str(), claim.kind.as_str(), claim.id.as_str());
    let token = claim.token.to_bytes();
    let completion = store.completion_sql().expect("a statement").text();
    let completed = transaction.execute(completion, &[&scope, &kind, &id, &&token[..]]).await;
    completed.expect("all rights");
    transaction.commit().await.expect("a server");
    let repeated = crate::support::claim("d");
    assert_eq!(store.claim(&repeated).await.expect("a server"), ClaimAnswer::Completed);
}

#[tokio::test]
async fn a_store_that_cannot_work_is_not_ready() {
    let mut server = Server::start().await;
    let store = server.store().await;
    store.ready().await.expect("a server");
    server.execute("DROP SCHEMA nevent_webhooks CASCADE").await;
    let error = store.ready().await.expect_err("no tables").to_string();
    assert!(error.contains("call PostgresStore::migrate"), "{error}");
    server.crash();
    store.ready().await.expect_err("no server");
}

/// Schemas are separate stores, whatever their names are.
#[tokio::test]
async fn a_schema_may_have_any_name() {
    let server = Server::start().await;
    let mut stores = Vec::new();
    for name in ["webhooks", "Web Hooks", "we\"ird", "o'clock", "schema"] {
        let options = || PostgresOptions::new().schema(name);
        // Twice, as each start of a receiver may do.
        for _ in 0..2 {
            PostgresStore::migrate_with(&server.url(), options()).await.expect(name);
        }
        stores.push(PostgresStore::open(&server.url(), options()).await.expect(name));
    }
    for store in &stores {
        let claim = claim("d");
        assert_eq!(store.claim(&claim).await.expect("a server"), ClaimAnswer::Acquired);
        store.complete(&claim).await.expect("a server");
    }
    assert!(format!("{:?}", stores[0]).starts_with("PostgresStore { server: \"127.0.0.1:"));
}

/// Many processes start at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrations_at_the_same_moment_all_succeed() {
    let server = Server::start().await;
    let url = server.url();
    let all = (0..8).map(|_| PostgresStore::migrate(&url));
    for migrated in futures_util::future::join_all(all).await {
        migrated.expect("one after another");
    }
}

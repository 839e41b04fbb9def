//! Configurations that are refused, and what the error says.

use nevent_webhooks_queues::postgres::{
    PostgresDeadLetters, PostgresError, PostgresOptions, PostgresQueue, PostgresWorker,
};

use crate::engine::Work;
use crate::scene::{Scene, options, own_server};
use crate::servers::Server;
use crate::servers::server::Database;
use crate::support::ports::free_port;
use crate::support::sender::Sent;

async fn refusal(options: &PostgresOptions) -> String {
    let error = PostgresQueue::connect(options).await.expect_err("a refusal");
    one_line(&error)
}

fn one_line(error: &PostgresError) -> String {
    let text = error.to_string();
    assert!(!text.contains('\n') && !text.contains("hidden"), "{text}");
    text
}

#[tokio::test]
async fn a_server_that_would_lose_entries_is_refused() {
    let scene = Scene::new().await;
    let database = |setting: &str| {
        format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I {setting}', current_database()); END $$"
        )
    };
    scene.database.execute(&database("SET synchronous_commit = off")).await;
    let text = refusal(&scene.options).await;
    assert!(text.contains("would lose entries: synchronous_commit is off: set it to on"), "{text}");
    PostgresWorker::connect(&scene.options).await.expect_err("a worker refuses it, too");
    PostgresDeadLetters::connect(&scene.options).await.expect_err("a tool refuses it, too");
    scene.database.execute(&database("SET synchronous_commit = local")).await;
    PostgresQueue::connect(&scene.options).await.expect("a safe server");

    scene.database.execute(&database("SET default_transaction_read_only = on")).await;
    let text = refusal(&scene.options).await;
    assert!(text.contains("has default_transaction_read_only = on: set it to off"), "{text}");
    scene
        .database
        .execute(&format!(
            "BEGIN READ WRITE; {}; COMMIT",
            database("RESET default_transaction_read_only")
        ))
        .await;

    for table in ["entries", "records", "replays"] {
        let table = format!("ALTER TABLE nevent_webhooks.{table} SET");
        scene.database.execute(&format!("{table} UNLOGGED")).await;
        let text = refusal(&scene.options).await;
        assert!(text.contains("is not logged, and is empty after a crash"), "{text}");
        scene.database.execute(&format!("{table} LOGGED")).await;
    }
    PostgresQueue::connect(&scene.options).await.expect("all are logged");
}

#[tokio::test]
async fn a_server_that_does_not_write_to_its_disk_is_refused() {
    let (server, accepting) = own_server(&[]).await;
    let options = PostgresOptions::new(&server.url(), "tickets").expect("a URL");
    PostgresQueue::connect(&accepting).await.expect("it is accepted");
    let text = refusal(&options).await;
    assert!(
        text.ends_with("would lose entries: fsync is off: set it to on in postgresql.conf"),
        "{text}"
    );
    server.execute("ALTER SYSTEM SET full_page_writes = off").await;
    drop(server);

    let server = Server::with(&["fsync=on"]).await;
    let options = PostgresOptions::new(&server.url(), "tickets").expect("a URL");
    options.migrate().await.expect("a server");
    let text = refusal(&options).await;
    assert!(text.contains("full_page_writes is off"), "{text}");
}

#[tokio::test]
async fn a_database_that_does_not_suit_is_refused() {
    let database = Database::new().await;
    let text = refusal(&options(&database.url())).await;
    let said =
        "has no table of a queue in the schema \"nevent_webhooks\": call PostgresOptions::migrate";
    assert!(text.contains(said), "{text}");
    options(&database.url()).migrate().await.expect("a server");
    database
        .execute(
            "CREATE OR REPLACE FUNCTION nevent_webhooks.entries_version() RETURNS integer \
         LANGUAGE sql IMMUTABLE AS 'SELECT 9'",
        )
        .await;
    let text = refusal(&options(&database.url())).await;
    let said = "version 9 of the queue's table, and this program knows 1: update the program";
    assert!(text.contains(said), "{text}");
    // It does not turn the version back.
    let error = options(&database.url()).migrate().await.expect_err("a refusal");
    assert!(one_line(&error).contains(said), "{error}");
    let older = "CREATE OR REPLACE FUNCTION nevent_webhooks.entries_version() RETURNS integer \
        LANGUAGE sql IMMUTABLE AS 'SELECT 0'";
    database.execute(older).await;
    let text = refusal(&options(&database.url())).await;
    assert!(text.contains("version 0 of the queue's table, not 1,"), "{text}");

    database.execute("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0").await;
    let start = database.url().rfind("/database").expect("a name");
    let latin = format!("{}/latin?sslmode=disable", &database.url()[..start]);
    let text = refusal(&options(&latin)).await;
    assert!(text.contains("has a database in LATIN1: create one with ENCODING 'UTF8'"), "{text}");
}

#[tokio::test]
async fn rights_are_checked_and_those_of_the_schema_suffice() {
    let scene = Scene::new().await;
    scene
        .database
        .execute(
            "CREATE ROLE receiver LOGIN; CREATE ROLE worker LOGIN; \
         GRANT USAGE ON SCHEMA nevent_webhooks TO receiver, worker; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON nevent_webhooks.records, nevent_webhooks.replays \
         TO receiver",
        )
        .await;
    let of = |role: &str| options(&scene.database.url().replace("postgres@", &format!("{role}@")));
    let text = refusal(&of("receiver")).await;
    assert!(text.contains("GRANT SELECT, INSERT ON \"nevent_webhooks\".entries"), "{text}");
    let error = PostgresWorker::connect(&of("worker")).await.expect_err("a refusal");
    let text = one_line(&error);
    assert!(text.contains("GRANT SELECT, UPDATE, DELETE ON"), "{text}");
    let sql = scene.options.schema_sql();
    for grant in ["INSERT ON", "DELETE ON"] {
        let line = sql.lines().find(|line| line.contains(grant)).expect("a grant");
        scene.database.execute(line.trim_start_matches("--")).await;
    }
    let sender = crate::engine::sender(&of("receiver")).await;
    sender.deliver(&Sent::single(1)).await;
    let work = Work::start(&of("worker"), |_| false).await;
    crate::support::eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}

#[tokio::test]
async fn another_schema_and_two_queues_in_one_table() {
    let database = Database::new().await;
    let odd = |queue| {
        let options = PostgresOptions::new(&database.url(), queue).expect("a URL");
        options.dangerously_accept_unsafe_disk().schema("it's \"odd\"").expect("a name")
    };
    let (one, other) = (odd("one"), odd("other"));
    let both = tokio::join!(one.migrate(), other.migrate());
    both.0.and(both.1).expect("migrations at the same time");
    one.migrate().await.expect("again");
    crate::engine::sender(&one).await.deliver(&Sent::single(1)).await;
    crate::engine::sender(&other).await.deliver(&Sent::single(2)).await;
    let work = Work::start(&other, |_| false).await;
    crate::support::eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
    let work = Work::start(&one, |_| false).await;
    crate::support::eventually("it is handled", async || work.count() == 1).await;
    assert_eq!(work.ids(), ["evt_single_1"]);
    work.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_an_error_at_connect() {
    let scene = Scene::new().await;
    let nobody = format!("postgres://shop:hidden@127.0.0.1:{}/shop", free_port());
    let unknown = scene.database.url().replace("postgres@", "nobody:hidden@");
    for url in [nobody, unknown] {
        let error = PostgresQueue::connect(&options(&url)).await.expect_err("a refusal");
        assert!(matches!(error, PostgresError::Failed { .. }), "{error:?}");
        one_line(&error);
    }
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    let new = PostgresOptions::new;
    for url in ["http://shop:hidden@[", "postgres://", "user=hidden"] {
        let error = new(url, "tickets").expect_err("a refusal");
        assert!(one_line(&error).contains("write postgres://"), "{url}: {error}");
    }
    for parameter in ["sslmode=what", "sslrootcert=/hidden.pem"] {
        let url = format!("postgres://shop:hidden@h/d?connect_timeout=1&{parameter}");
        let text = one_line(&new(&url, "tickets").expect_err("a refusal"));
        let name = parameter.split('=').next().expect("a name");
        assert!(text.contains(&format!("the parameter {name} of")), "{text}");
    }
    let local = "postgres://shop:hidden@127.0.0.1/shop";
    for queue in ["", "a\0b", &"x".repeat(201)] {
        assert!(matches!(new(local, queue), Err(PostgresError::Name)), "{queue:?}");
    }
    for schema in ["", "a$b", &"x".repeat(64)] {
        let options = new(local, "tickets").expect("a URL").schema(schema);
        assert!(matches!(options, Err(PostgresError::SchemaName)), "{schema:?}");
    }
    for mode in ["require", "verify-full"] {
        let tls = new(&format!("{local}?sslmode={mode}"), "tickets");
        assert_eq!(tls.is_ok(), cfg!(feature = "postgres-tls"));
    }
    let options = new(local, "tickets").expect("a URL");
    assert!(!format!("{options:?}").contains("hidden"));
}

//! Files that cannot be a store, and what the errors say.

use std::path::Path;

use nevent_webhooks::store::{ClaimAnswer, SqliteOptions, SqliteStore, Store};

use crate::support::{Directory, claim};

/// The error's text, which is one line.
async fn refused(path: &Path) -> String {
    let error = SqliteStore::open(path).await.expect_err("not a store");
    let text = format!("{error:?}");
    assert!(!text.contains('\n'), "{text}");
    text
}

#[tokio::test]
async fn a_file_that_is_not_sqlites_is_left_alone() {
    let directory = Directory::new();
    let text = "no database, but a text that somebody needs. ".repeat(100);
    std::fs::write(directory.file(), &text).expect("a directory");
    let error = refused(&directory.file()).await;
    assert!(error.contains("this is no SQLite file"), "{error}");
    assert_eq!(std::fs::read_to_string(directory.file()).expect("a file"), text);
}

#[tokio::test]
async fn a_file_that_was_damaged_is_an_error() {
    let directory = Directory::new();
    let store = directory.store().await;
    for number in 0..200 {
        store.complete(&claim(&number.to_string())).await.expect("a file");
    }
    drop(store);
    let connection = directory.connection();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a file");
    drop(connection);
    let mut bytes = std::fs::read(directory.file()).expect("a file");
    bytes[4096..].fill(0x5a);
    std::fs::write(directory.file(), bytes).expect("a file");
    let error = refused(&directory.file()).await;
    assert!(error.contains("malformed: restore it from a backup"), "{error}");
}

#[tokio::test]
async fn the_application_keeps_its_tables_and_its_version() {
    let directory = Directory::new();
    let tables = "CREATE TABLE records (id INTEGER); PRAGMA user_version = 7";
    directory.connection().execute_batch(tables).expect("a file");
    let store = directory.store().await;
    store.ready().await.expect("a file");
    let version = "SELECT user_version FROM pragma_user_version";
    let version = directory.connection().query_row(version, [], |row| row.get::<_, i64>(0));
    assert_eq!(version.expect("a file"), 7);
}

#[tokio::test]
async fn tables_of_a_later_version_are_an_error() {
    let directory = Directory::new();
    drop(directory.store().await);
    let later = "UPDATE nevent_webhooks_schema SET version = 2";
    directory.connection().execute_batch(later).expect("a table");
    let error = refused(&directory.file()).await;
    assert!(error.contains("of version 2, which this release does not know"), "{error}");
}

#[tokio::test]
async fn a_path_without_a_directory_is_an_error() {
    let directory = Directory::new();
    let error = refused(&directory.path().join("missing/shop.db")).await;
    assert!(error.contains("create its directory"), "{error}");
    let error = refused(directory.path()).await;
    assert!(error.contains("create its directory"), "{error}");
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    for path in [":memory:", ""] {
        let error = refused(Path::new(path)).await;
        assert!(error.contains("use a MemoryStore"), "{error}");
    }
}

#[tokio::test]
async fn a_busy_timeout_of_zero_is_refused() {
    let directory = Directory::new();
    let options = SqliteOptions::new().busy_timeout(std::time::Duration::ZERO);
    let error = SqliteStore::open_with(directory.file(), options).await.expect_err("zero");
    assert!(error.to_string().contains("the busy timeout is zero"), "{error}");
}

/// The records would be gone at the next restart.
#[tokio::test]
async fn a_file_that_was_moved_is_an_error_until_it_is_back() {
    let directory = Directory::new();
    let store = directory.store().await;
    store.complete(&claim("d")).await.expect("a file");
    let elsewhere = directory.path().join("elsewhere.db");
    std::fs::rename(directory.file(), &elsewhere).expect("a file");
    let error = store.ready().await.expect_err("no file");
    assert!(error.to_string().contains("moved, deleted or replaced"), "{error}");
    std::fs::write(directory.file(), "another file").expect("a directory");
    store.claim(&claim("d")).await.expect_err("another file");
    std::fs::rename(&elsewhere, directory.file()).expect("a file");
    assert_eq!(store.claim(&claim("d")).await.expect("a file"), ClaimAnswer::Completed);
}

/// The file alone is shown, not what is in it.
#[tokio::test]
async fn the_store_shows_its_path() {
    let directory = Directory::new();
    let shown = format!("{:?}", directory.store().await);
    assert_eq!(shown, format!("SqliteStore {{ path: {:?}, .. }}", directory.file()));
}

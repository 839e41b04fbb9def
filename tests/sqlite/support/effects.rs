//! A table with one row for each effect of a handler, without any unique key.

use std::path::PathBuf;

use nevent_webhooks::Rejection;
use rusqlite::{Connection, Transaction};

use super::Directory;

/// The handlers' table, in the store's file.
#[derive(Clone)]
pub struct Effects(PathBuf);

impl Effects {
    pub fn new(directory: &Directory) -> Self {
        let effects = Self(directory.file());
        let table = "CREATE TABLE IF NOT EXISTS effects (id text NOT NULL)";
        effects.connection().execute_batch(table).expect("a table");
        effects
    }

    pub fn connection(&self) -> Connection {
        Connection::open(&self.0).expect("a file")
    }

    /// How many effects there are for this id.
    pub fn of(&self, id: &str) -> i64 {
        let count = "SELECT count(*) FROM effects WHERE id = ?1";
        self.connection().query_row(count, [id], |row| row.get(0)).expect("a table")
    }
}

/// The effect, as a part of a transaction.
pub fn sell(transaction: &Transaction<'_>, id: &str) {
    transaction.execute("INSERT INTO effects VALUES (?1)", [id]).expect("a table");
}

/// Runs a handler that blocks.
pub async fn blocking<T: Send + 'static>(
    handler: impl FnOnce() -> Result<T, Rejection> + Send + 'static,
) -> Result<T, Rejection> {
    tokio::task::spawn_blocking(handler).await.expect("no panic")
}

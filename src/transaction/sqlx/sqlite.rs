use sqlx_0_9::{Error, Sqlite, query};

use super::super::{CompleteError, CompletionStatement, Transaction};

impl Transaction for sqlx_0_9::Transaction<'_, Sqlite> {
    const DATABASE: &'static str = "SQLite";
    /// It may be a savepoint.
    const COMMIT_IS_FINAL: bool = false;

    async fn execute(&mut self, statement: &CompletionStatement<'_>) -> Result<(), CompleteError> {
        refuse_autocommit(self).await?;
        let token = statement.token();
        let query = query(sqlx_0_9::AssertSqlSafe(statement.sql())).persistent(false);
        let query = query.bind(statement.scope()).bind(statement.kind());
        let query = query.bind(statement.id()).bind(token.as_slice());
        let executed = query.execute(&mut **self).await;
        if executed.is_err() {
            stay_open(self).await;
        }
        executed.map(drop).map_err(failed)
    }

    async fn commit(self) -> Result<(), CompleteError> {
        sqlx_0_9::Transaction::commit(self).await.map_err(failed)
    }
}

/// Fails if SQLite has rolled the transaction back by itself, as after an error such as a full disk.
/// The completion would be committed alone, without the effect. Within a transaction, another one
/// cannot begin.
async fn refuse_autocommit(
    transaction: &mut sqlx_0_9::Transaction<'_, Sqlite>,
) -> Result<(), CompleteError> {
    match query("BEGIN").persistent(false).execute(&mut **transaction).await {
        Err(Error::Database(error)) if error.message().contains("within a transaction") => Ok(()),
        Err(error) => Err(failed(error)),
        // What has begun now is empty, and is rolled back with `transaction`.
        Ok(_) => Err(CompleteError::Database("SQLite has rolled the transaction back".into())),
    }
}

/// Begins a transaction if SQLite has rolled this one back. `sqlx` counts on one: without it, its own
/// rollback fails, and the connection goes back to the pool in a state that breaks later handlers.
async fn stay_open(transaction: &mut sqlx_0_9::Transaction<'_, Sqlite>) {
    let _ = query("BEGIN").persistent(false).execute(&mut **transaction).await;
}

fn failed(error: Error) -> CompleteError {
    let message = error.as_database_error().map(|error| error.message().to_owned());
    CompleteError::of_message(message.as_deref(), error)
}

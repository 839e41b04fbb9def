use sqlx_0_9::{Error, Sqlite, query};

use super::super::{CompleteError, CompletionStatement, Transaction};

impl Transaction for sqlx_0_9::Transaction<'_, Sqlite> {
    const DATABASE: &'static str = "SQLite";

    async fn execute(&mut self, statement: &CompletionStatement<'_>) -> Result<(), CompleteError> {
        refuse_autocommit(self).await?;
        let token = statement.token();
        let query = query(sqlx_0_9::AssertSqlSafe(statement.sql())).persistent(false);
        let query = query.bind(statement.scope()).bind(statement.kind());
        let query = query.bind(statement.id()).bind(token.as_slice());
        query.execute(&mut **self).await.map(drop).map_err(failed)
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
        Ok(_) => {
            let ended = query("ROLLBACK").persistent(false).execute(&mut **transaction).await;
            ended.map_err(failed)?;
            Err(CompleteError::Database("SQLite has rolled the transaction back".into()))
        }
    }
}

fn failed(error: Error) -> CompleteError {
    let message = error.as_database_error().map(|error| error.message().to_owned());
    CompleteError::of_message(message.as_deref(), error)
}

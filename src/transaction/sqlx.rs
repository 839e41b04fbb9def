//! The transactions of `sqlx`, of each major version that a program may use.

#[cfg(feature = "sqlx-0_9-sqlite")]
mod sqlite;

#[cfg(any(feature = "sqlx-0_8-postgres", feature = "sqlx-0_9-postgres"))]
use super::{CompleteError, CompletionStatement, Transaction};

/// Implements [`Transaction`] for the transactions of one version of `sqlx` with PostgreSQL.
#[cfg(any(feature = "sqlx-0_8-postgres", feature = "sqlx-0_9-postgres"))]
macro_rules! transactions_of {
    ($sqlx:ident, $sql:expr) => {
        impl Transaction for $sqlx::Transaction<'_, $sqlx::Postgres> {
            const DATABASE: &'static str = "PostgreSQL";

            async fn execute(
                &mut self,
                statement: &CompletionStatement<'_>,
            ) -> Result<(), CompleteError> {
                let failed = |error: $sqlx::Error| {
                    let code = error.as_database_error().and_then(|error| error.code());
                    let code = code.map(std::borrow::Cow::into_owned);
                    CompleteError::of_sqlstate(code.as_deref(), error)
                };
                let token = statement.token();
                // Not persistent, so that the statement has no name on the server.
                let query = $sqlx::query($sql(statement.sql())).persistent(false);
                let query = query.bind(statement.scope()).bind(statement.kind());
                let query = query.bind(statement.id()).bind(token.as_slice());
                query.execute(&mut **self).await.map(drop).map_err(failed)
            }

            async fn commit(self) -> Result<(), CompleteError> {
                let committed = $sqlx::Transaction::commit(self).await;
                committed.map_err(|error| CompleteError::Database(error.into()))
            }
        }
    };
}

#[cfg(feature = "sqlx-0_8-postgres")]
transactions_of!(sqlx_0_8, std::convert::identity);
#[cfg(feature = "sqlx-0_9-postgres")]
transactions_of!(sqlx_0_9, sqlx_0_9::AssertSqlSafe);

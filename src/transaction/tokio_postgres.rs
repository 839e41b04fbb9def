//! The transactions of `tokio-postgres` and `deadpool-postgres`.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Transaction as Driver};

use super::{CompleteError, CompletionStatement, Transaction};

impl Transaction for Driver<'_> {
    const DATABASE: &'static str = "PostgreSQL";

    async fn execute(&mut self, statement: &CompletionStatement<'_>) -> Result<(), CompleteError> {
        execute(self, statement).await
    }

    async fn commit(self) -> Result<(), CompleteError> {
        Driver::commit(self).await.map_err(failed)
    }
}

impl Transaction for deadpool_postgres::Transaction<'_> {
    const DATABASE: &'static str = "PostgreSQL";

    async fn execute(&mut self, statement: &CompletionStatement<'_>) -> Result<(), CompleteError> {
        execute(self, statement).await
    }

    async fn commit(self) -> Result<(), CompleteError> {
        deadpool_postgres::Transaction::commit(self).await.map_err(failed)
    }
}

async fn execute(
    transaction: &Driver<'_>,
    statement: &CompletionStatement<'_>,
) -> Result<(), CompleteError> {
    let (scope, kind, id) = (statement.scope(), statement.kind(), statement.id());
    let token = statement.token();
    let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
        (&scope, Type::TEXT),
        (&kind, Type::TEXT),
        (&id, Type::TEXT),
        (&token.as_slice(), Type::BYTEA),
    ];
    let executed = transaction.execute_typed(statement.sql(), &parameters);
    executed.await.map(drop).map_err(failed)
}

fn failed(error: Error) -> CompleteError {
    let sqlstate = error.code().map(|code| code.code().to_owned());
    CompleteError::of_sqlstate(sqlstate.as_deref(), error)
}

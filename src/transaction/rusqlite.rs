//! The transaction of `rusqlite`.

use ::rusqlite::{DropBehavior, Error, Transaction, params};

use super::{BlockingTransaction, CompleteError, CompletionStatement};

impl BlockingTransaction for Transaction<'_> {
    const DATABASE: &'static str = "SQLite";

    fn execute(&mut self, statement: &CompletionStatement<'_>) -> Result<(), CompleteError> {
        // Or a transaction that commits when it is dropped would commit the effect alone.
        self.set_drop_behavior(DropBehavior::Rollback);
        // After an error such as a full disk. The completion would be committed without the effect.
        if self.is_autocommit() {
            return Err(CompleteError::Database("SQLite has rolled the transaction back".into()));
        }
        let (scope, kind, id) = (statement.scope(), statement.kind(), statement.id());
        let parameters = params![scope, kind, id, statement.token()];
        (**self).execute(statement.sql(), parameters).map(drop).map_err(failed)
    }

    fn commit(self) -> Result<(), CompleteError> {
        Transaction::commit(self).map_err(failed)
    }
}

fn failed(error: Error) -> CompleteError {
    let message = match &error {
        Error::SqliteFailure(_, message) => message.clone(),
        _ => None,
    };
    CompleteError::of_message(message.as_deref(), error)
}

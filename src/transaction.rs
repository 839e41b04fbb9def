//! Completing a delivery in the handler's own transaction: the effect and the record of it are
//! committed together, or neither is.
//!
//! [`Delivery::commit`](crate::Delivery::commit) does it for a transaction that implements
//! [`Transaction`], and [`Delivery::commit_blocking`](crate::Delivery::commit_blocking) for a
//! [`BlockingTransaction`]. [`CompletionStatement`] is for every other driver. For effects in Redis
//! there is [`RedisStore::complete_with`](crate::store::RedisStore::complete_with).

mod error;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
mod handle;
#[cfg(all(feature = "redis", any(feature = "tower", feature = "actix", feature = "queue")))]
mod redis;
#[cfg(feature = "sqlite")]
mod rusqlite;
#[cfg(any(
    feature = "sqlx-0_8-postgres",
    feature = "sqlx-0_9-postgres",
    feature = "sqlx-0_9-sqlite"
))]
mod sqlx;
mod statement;
#[cfg(feature = "postgres")]
mod tokio_postgres;

pub use self::error::CompleteError;
pub use self::statement::CompletionStatement;

/// An open transaction of a database driver.
///
/// Implemented for the transactions of `tokio-postgres` and `deadpool-postgres` with the feature
/// `postgres`, and for `sqlx::Transaction` with a feature for each major version of `sqlx` and database.
///
/// Implement it for the transaction of another driver with `async fn`s. Do not implement it for a
/// connection, which may be in no transaction: the statement would then be committed alone, without
/// the effect.
pub trait Transaction: Send {
    /// The kind of database: `"PostgreSQL"` or `"SQLite"`, as
    /// [`CompletionSql::database`](crate::store::CompletionSql::database) names it.
    const DATABASE: &'static str;

    /// Whether nothing can undo what [`Transaction::commit`] committed. Default `true`.
    ///
    /// Say `false` for a type that may also be a savepoint, unless the database refuses a completion
    /// within one. The layer then asks the store after the handler whether the delivery is completed.
    const COMMIT_IS_FINAL: bool = true;

    /// Executes the statement as a part of this transaction.
    ///
    /// Do not prepare it under a name: behind PgBouncer in transaction mode, another server may
    /// execute it.
    ///
    /// # Errors
    ///
    /// Return the database's error by [`CompleteError::of_sqlstate`].
    fn execute(
        &mut self,
        statement: &CompletionStatement<'_>,
    ) -> impl Future<Output = Result<(), CompleteError>> + Send;

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// Return the database's error by [`CompleteError::of_sqlstate`].
    fn commit(self) -> impl Future<Output = Result<(), CompleteError>> + Send;
}

/// An open transaction of a database driver without futures, which blocks its thread.
///
/// Implemented for `rusqlite::Transaction` with the feature `sqlite`. Do not implement it for a
/// connection, which may be in no transaction: the statement would then be committed alone, without
/// the effect. Do not implement it for a savepoint, which may be rolled back alone.
pub trait BlockingTransaction: Sized {
    /// The kind of database, as for [`Transaction::DATABASE`].
    const DATABASE: &'static str;

    /// Executes the statement as a part of this transaction.
    ///
    /// # Errors
    ///
    /// Return the database's error by [`CompleteError::of_message`] or
    /// [`CompleteError::of_sqlstate`]. Return an error if the database has rolled the transaction
    /// back meanwhile: the statement would be committed alone.
    fn execute(&mut self, statement: &CompletionStatement<'_>) -> Result<(), CompleteError>;

    /// Commits the transaction.
    ///
    /// # Errors
    ///
    /// As for [`BlockingTransaction::execute`].
    fn commit(self) -> Result<(), CompleteError>;
}

use std::sync::Arc;

use super::hint::hint;
use crate::store::StoreError;

crate::text::debug_is_display!(PostgresStoreError);

/// Why a [`PostgresStore`](super::PostgresStore) could not connect, or why an operation failed.
///
/// Each message is one line that says what to do. None shows a password.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresStoreError {
    /// Not the URL of a PostgreSQL server.
    #[error("the PostgreSQL URL {reason}: write postgres://user:password@host[:port]/database")]
    #[non_exhaustive]
    Url {
        /// What is wrong with it.
        reason: String,
    },
    /// The URL asks for TLS that cannot be: its feature is off, or a file is wrong.
    #[error("the PostgreSQL URL {reason}")]
    #[non_exhaustive]
    Tls {
        /// What is wrong, and what to write instead.
        reason: String,
    },
    /// An option has a value that cannot work.
    #[error("{reason}")]
    #[non_exhaustive]
    Options {
        /// The option, its value, and what is wrong with it.
        reason: String,
    },
    /// The server could not be reached, did not answer, or refused the statement.
    #[error("PostgreSQL at {server}: {}{}", text(error), hint(error, &text(error)))]
    #[non_exhaustive]
    Failed {
        /// The server's address.
        server: String,
        /// The error of `tokio-postgres`.
        error: Arc<tokio_postgres::Error>,
    },
    /// The server did not answer in time, or all of the store's connections were in use.
    #[error("PostgreSQL at {server} {reason}")]
    #[non_exhaustive]
    TooSlow {
        /// The server's address.
        server: String,
        /// The wait that was too long, and what to do.
        reason: &'static str,
    },
    /// The server is older than the oldest version that the store works with.
    #[error("PostgreSQL at {server} is version {version}: 13 or later is needed")]
    #[non_exhaustive]
    TooOld {
        /// The server's address.
        server: String,
        /// The version that the server reports.
        version: String,
    },
    /// The server is a standby, which cannot be written to.
    #[error(
        "PostgreSQL at {server} is a standby: connect to the primary, or add target_session_attrs=read-write and all hosts to the URL"
    )]
    #[non_exhaustive]
    Standby {
        /// The server's address.
        server: String,
    },
    /// The role's transactions are read-only by default.
    #[error(
        "PostgreSQL at {server} has default_transaction_read_only = on: set it to off for this role, as in ALTER ROLE … SET default_transaction_read_only = off"
    )]
    #[non_exhaustive]
    ReadOnly {
        /// The server's address.
        server: String,
    },
    /// The server answers a commit before it is on disk. After a crash of the server, a delivery whose
    /// completion it had answered would be handled again; and if the handler's own transactions are
    /// answered so early, too, the sender may have got a 200 for an effect that is lost.
    #[error(
        "PostgreSQL at {server} has synchronous_commit = off: set it to on for this role, as in ALTER ROLE … SET synchronous_commit = on, and for the handlers' role"
    )]
    #[non_exhaustive]
    SynchronousCommitOff {
        /// The server's address.
        server: String,
    },
    /// The store's tables and functions are missing, or of another version.
    #[error(
        "PostgreSQL at {server} has {found} in the schema {schema}: call PostgresStore::migrate with a role that may create it"
    )]
    #[non_exhaustive]
    Schema {
        /// The server's address.
        server: String,
        /// The schema's name, in quotes.
        schema: String,
        /// What is there.
        found: String,
    },
    /// The store's tables and functions are of a later version.
    #[error(
        "PostgreSQL at {server} has version {version} of the tables in the schema {schema}, which is newer than this program: update the program"
    )]
    #[non_exhaustive]
    Newer {
        /// The server's address.
        server: String,
        /// The schema's name, in quotes.
        schema: String,
        /// The version of the tables.
        version: i32,
    },
    /// The role lacks rights on the store's tables.
    #[error(
        "PostgreSQL at {server}: this role may not use the tables in the schema {schema}: GRANT USAGE ON SCHEMA {schema}, and SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema}"
    )]
    #[non_exhaustive]
    Rights {
        /// The server's address.
        server: String,
        /// The schema's name, in quotes.
        schema: String,
    },
    /// A table of the store is not logged. After a crash of the server it would be empty, and deliveries
    /// that are done would be handled again.
    #[error(
        "PostgreSQL at {server} has a table in the schema {schema} that is not logged, and is empty after a crash: ALTER TABLE {schema}.records SET LOGGED, and the same for {schema}.replays"
    )]
    #[non_exhaustive]
    Unlogged {
        /// The server's address.
        server: String,
        /// The schema's name, in quotes.
        schema: String,
    },
}

impl From<PostgresStoreError> for StoreError {
    fn from(error: PostgresStoreError) -> Self {
        Self::unavailable(error)
    }
}

/// The message, with the causes that the driver keeps below it, and the SQLSTATE. Details are left
/// out: they may show a row's values.
fn text(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", error.message(), error.code().code());
    }
    crate::text::with_sources(error)
}

use std::time::Duration;

crate::debug::debug_is_display!(PostgresError);

/// Why `PostgreSQL` cannot be used, or has not stored an entry. The texts are one line each, without the
/// URL's password and without payloads.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The URL cannot be read.
    #[error(
        "the URL of PostgreSQL cannot be read: write postgres://user:password@host:5432/database"
    )]
    Url,
    /// The URL has a parameter that cannot be used.
    #[error(
        "the parameter {name} of the PostgreSQL URL cannot be used here: remove it, or see its value"
    )]
    #[non_exhaustive]
    Parameter {
        /// Its name.
        name: String,
    },
    /// The URL asks for TLS, which this build does not have.
    #[error("the URL asks for TLS: build with the feature `postgres-tls`")]
    NoTls,
    /// TLS cannot be had.
    #[error("no TLS to PostgreSQL: {0}")]
    Tls(String),
    /// The name of the queue cannot be used.
    #[error("the name of the queue must have 1 to 200 bytes, and no control characters")]
    Name,
    /// The name of the schema cannot be used.
    #[error("the name of the schema must have 1 to 63 bytes, without `$` and control characters")]
    SchemaName,
    /// The server would lose entries, as it is configured.
    #[error("PostgreSQL at {server} would lose entries: {reason}")]
    #[non_exhaustive]
    LosesEntries {
        /// The server's address.
        server: String,
        /// The setting, and what to change.
        reason: &'static str,
    },
    /// The server, its database or the role does not suit.
    #[error("PostgreSQL at {server} {reason}")]
    #[non_exhaustive]
    Unsuitable {
        /// The server's address.
        server: String,
        /// What it is, and what to change.
        reason: String,
    },
    /// The table is missing, or of another version.
    #[error(
        "PostgreSQL at {server} has {found} in the schema {schema}: call PostgresOptions::migrate, or \
         execute what PostgresOptions::schema_sql returns"
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
    /// The records of the route's store are not in the queue's database.
    #[error(
        "the store of the route's DedupeLayer is not in the database of the queue at {server}: give the \
         layer a PostgresStore of the same database, such as that of PostgresOptions::store"
    )]
    #[non_exhaustive]
    OtherDatabase {
        /// The address of the queue's server.
        server: String,
    },
    /// The entry is larger than the limit.
    #[error(
        "the entry has {length} bytes, and the limit is {limit}: raise PostgresOptions::largest_entry, or \
         lower the body_limit of the receiver"
    )]
    #[non_exhaustive]
    TooLarge {
        /// The length of its JSON.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The server did not answer in time, or all connections were in use.
    #[error("PostgreSQL at {server} did not answer within {limit:?}")]
    #[non_exhaustive]
    TimedOut {
        /// The server's address.
        server: String,
        /// The limit that passed.
        limit: Duration,
    },
    /// The server could not be reached, or refused a statement.
    #[error("PostgreSQL at {server} failed: {detail}")]
    #[non_exhaustive]
    Failed {
        /// The server's address.
        server: String,
        /// The reason, in the words of the server or of its driver.
        detail: String,
    },
}

/// The text of a driver's error, on one line. Details are left out: they may show a row's values.
pub(super) fn one_line(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        let message = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        return format!("{message} (SQLSTATE {})", error.code().code());
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

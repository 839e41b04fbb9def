use std::sync::Arc;

/// The SQL statement by which a handler completes its delivery in its own transaction.
///
/// A store returns one from [`Store::completion_sql`](super::Store::completion_sql) if its records
/// are in a database where handlers keep their data, too. The statement has four parameters: the
/// scope, the kind's name and the id as text, and the 16 bytes of the owner's token.
///
/// It must fail, and leave a transaction that cannot be committed, unless the record is in flight
/// for this token. It must not look at the end of the lease: as long as no other attempt has taken
/// the delivery, its owner may complete it.
///
/// ```
/// use nevent_webhooks::store::CompletionSql;
///
/// let sql = CompletionSql::new("PostgreSQL", "SELECT shop.complete($1, $2, $3, $4)");
/// assert_eq!(sql.database(), "PostgreSQL");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionSql {
    database: &'static str,
    text: Arc<str>,
}

impl CompletionSql {
    /// The statement of a kind of database, such as `"PostgreSQL"` or `"SQLite"`. A transaction of
    /// another kind is refused.
    #[must_use]
    pub fn new(database: &'static str, text: impl Into<Arc<str>>) -> Self {
        Self { database, text: text.into() }
    }

    /// The kind of database.
    #[must_use]
    pub fn database(&self) -> &'static str {
        self.database
    }

    /// The statement.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

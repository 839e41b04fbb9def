use std::fmt;

use crate::delivery::Claim;
use crate::store::CompletionSql;

/// The statement that completes a delivery, with its parameters, for a driver that has no
/// [`Transaction`](super::Transaction).
///
/// [`ClaimHandle::statement`](crate::ClaimHandle::statement) returns it. Execute it as the last
/// statement of the outermost transaction, and bind the parameters in this order: [`scope`],
/// [`kind`], [`id`], [`token`]. If the delivery is not this attempt's any more, the statement fails
/// and the transaction cannot be committed.
///
/// Outside a transaction the statement is committed alone. If the process then dies before the
/// effect, the delivery is lost.
///
/// In SQLite, a statement that fails rolls back the whole transaction. Execute nothing more: each
/// further statement would be committed alone. For the same reason, check before this statement that
/// the transaction is still open, because SQLite rolls back by itself after some errors, such as a
/// full disk. SQLite cannot tell that the statement is within a savepoint: if that is rolled back
/// and the effect is committed, the delivery is not completed.
///
/// [`scope`]: Self::scope
/// [`kind`]: Self::kind
/// [`id`]: Self::id
/// [`token`]: Self::token
#[derive(Clone)]
pub struct CompletionStatement<'a> {
    sql: &'a CompletionSql,
    claim: &'a Claim,
}

impl<'a> CompletionStatement<'a> {
    pub(crate) fn new(sql: &'a CompletionSql, claim: &'a Claim) -> Self {
        Self { sql, claim }
    }

    /// The statement, with the placeholders of its database.
    #[must_use]
    pub fn sql(&self) -> &'a str {
        self.sql.text()
    }

    /// The kind of database: `"PostgreSQL"` or `"SQLite"`.
    #[must_use]
    pub fn database(&self) -> &'static str {
        self.sql.database()
    }

    /// The first parameter, a text: the endpoint's scope.
    #[must_use]
    pub fn scope(&self) -> &'a str {
        self.claim.scope.as_str()
    }

    /// The second parameter, a text: `"delivery"` or `"event"`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.claim.kind.as_str()
    }

    /// The third parameter, a text: the id of the delivery or event.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.claim.id.as_str()
    }

    /// The fourth parameter, bytes: the token of this attempt.
    #[must_use]
    pub fn token(&self) -> [u8; 16] {
        self.claim.token.to_bytes()
    }
}

impl fmt::Debug for CompletionStatement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletionStatement")
            .field("sql", &self.sql())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

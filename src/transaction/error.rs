use std::error::Error;

#[cfg(all(feature = "redis", any(feature = "tower", feature = "actix", feature = "queue")))]
use crate::store::RedisEffectError;
use crate::text::with_sources;
use crate::{Fault, Rejection};

/// Why a delivery was not completed in the handler's transaction. Roll the transaction back, and
/// return the error: as a [`Rejection`] it is the right response.
///
/// | error | response |
/// | --- | --- |
/// | [`Lost`](Self::Lost) | 409 `Delivery in progress` |
/// | [`AlreadyCompleted`](Self::AlreadyCompleted) | 200 `Already processed` |
/// | [`NotClaimed`](Self::NotClaimed) | 500 |
/// | the others | 503 `Try again later` |
///
/// ```
/// use nevent_webhooks::{Rejection, transaction::CompleteError};
///
/// assert_eq!(Rejection::from(CompleteError::Lost).status(), 409);
/// assert_eq!(Rejection::from(CompleteError::AlreadyCompleted).status(), 200);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompleteError {
    /// The delivery has no claim.
    #[error("the delivery has no claim: add a DedupeLayer to the route")]
    NotClaimed,
    /// The layer's store keeps its records in no database that a transaction could reach.
    #[error("the layer's store has no transactions: use a PostgresStore or a SqliteStore")]
    NotTransactional,
    /// The records and the transaction are in databases of different kinds.
    #[error("the layer's store is in {store}, and the transaction is {transaction}'s")]
    #[non_exhaustive]
    OtherDatabase {
        /// The kind of database that holds the records.
        store: &'static str,
        /// The kind of database that the transaction is in.
        transaction: &'static str,
    },
    /// The claim is no longer held. Its lease expired, and another attempt took the delivery; or the
    /// transaction is in another database, which has the store's tables, but not this record.
    #[error(
        "the claim was lost: another attempt has taken the delivery, or the transaction is in another \
         database than the layer's store"
    )]
    Lost,
    /// The delivery is completed, by another attempt or by an earlier transaction of this one whose
    /// commit was not answered. The effect has happened, and must not happen again.
    #[error("the delivery is completed already, so its effect must not happen again")]
    AlreadyCompleted,
    /// The transaction is within a savepoint. The database could roll the completion back alone and
    /// commit the effect.
    ///
    /// A savepoint that was rolled back is still open. Drivers leave it so when a nested transaction is
    /// rolled back: execute `RELEASE SAVEPOINT sp_1` with `tokio-postgres`, or
    /// `RELEASE SAVEPOINT _sqlx_savepoint_1` with `sqlx`, before the completion.
    #[error(
        "the transaction is within a savepoint: complete the delivery in the outermost transaction, and \
         RELEASE a savepoint that was rolled back"
    )]
    InSavepoint,
    /// An effect in Redis cannot be executed. Nothing was executed.
    #[cfg(all(feature = "redis", any(feature = "tower", feature = "actix", feature = "queue")))]
    #[error("the effects in Redis were refused, and nothing was executed")]
    Refused(#[source] RedisEffectError),
    /// The database failed, or refused the statement.
    #[error("the database did not complete the delivery")]
    Database(#[source] Box<dyn Error + Send + Sync>),
}

/// The SQLSTATEs that a [completion statement](crate::store::CompletionSql) raises.
const LOST: &str = "NW001";
const ALREADY_COMPLETED: &str = "NW002";
const IN_SAVEPOINT: &str = "NW003";

/// The messages that a completion statement raises where there are no SQLSTATEs.
const LOST_MESSAGE: &str = "nevent_webhooks: the claim was lost";
const ALREADY_COMPLETED_MESSAGE: &str = "nevent_webhooks: the delivery is completed already";

impl CompleteError {
    /// The error of a database that reports this SQLSTATE, for an implementation of
    /// [`Transaction`](super::Transaction).
    ///
    /// `NW001` means [`Lost`](Self::Lost), `NW002` [`AlreadyCompleted`](Self::AlreadyCompleted) and
    /// `NW003` [`InSavepoint`](Self::InSavepoint).
    pub fn of_sqlstate(
        sqlstate: Option<&str>,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        match sqlstate {
            Some(LOST) => Self::Lost,
            Some(ALREADY_COMPLETED) => Self::AlreadyCompleted,
            Some(IN_SAVEPOINT) => Self::InSavepoint,
            _ => Self::Database(error.into()),
        }
    }

    /// The error of a database that has no SQLSTATEs, such as SQLite, and reports this message.
    ///
    /// `nevent_webhooks: the claim was lost` means [`Lost`](Self::Lost), and
    /// `nevent_webhooks: the delivery is completed already` means
    /// [`AlreadyCompleted`](Self::AlreadyCompleted).
    pub fn of_message(
        message: Option<&str>,
        error: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        match message {
            Some(LOST_MESSAGE) => Self::Lost,
            Some(ALREADY_COMPLETED_MESSAGE) => Self::AlreadyCompleted,
            _ => Self::Database(error.into()),
        }
    }
}

/// Lets a handler that returns a [`Rejection`] use `?`.
impl From<CompleteError> for Rejection {
    fn from(error: CompleteError) -> Self {
        match error {
            CompleteError::NotClaimed => Self::MissingDedupeLayer,
            CompleteError::Lost => Self::DeliveryInProgress { lease: std::time::Duration::ZERO },
            CompleteError::AlreadyCompleted => Self::AlreadyProcessed,
            other => {
                Self::NotCompleted { fault: fault(&other), reason: with_sources(&other).into() }
            }
        }
    }
}

/// Names the party that has to act. Most errors are mistakes in the program, and no retry heals them.
fn fault(error: &CompleteError) -> Fault {
    match error {
        CompleteError::NotTransactional | CompleteError::OtherDatabase { .. } => {
            Fault::Configuration
        }
        CompleteError::Database(_) => Fault::Store,
        _ => Fault::Handler,
    }
}

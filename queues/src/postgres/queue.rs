use std::sync::Arc;

use futures_util::future::join;
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Queue, QueueError};
use nevent_webhooks::transaction::CompleteError;
use tokio::time::timeout;
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::Type;

use super::check::{Rights, check, refuse};
use super::database::{Commit, Database, limits};
use super::wake::Waker;
use super::{PostgresError, PostgresOptions};

/// The receiver's half: a [`Queue`] that inserts the entry and completes the delivery's claim in one
/// transaction. `put` returns when it is committed. Clones share the connections.
///
/// The route's `DedupeLayer` must have a `PostgresStore` of the same database, such as that of
/// [`PostgresOptions::store`]. With another store every put fails, and the sender is answered 503.
///
/// Each put checks the settings of the server, so one that was restarted with settings that lose entries
/// is refused, too.
///
/// ```no_run
/// use axum::{Router, routing::post};
/// use nevent_webhooks::queue::hand_over;
/// use nevent_webhooks::{DedupeLayer, Secret, Verifier, VerifyLayer};
/// use nevent_webhooks_queues::postgres::{PostgresOptions, PostgresQueue};
///
/// # async fn receiver() -> Result<Router, Box<dyn std::error::Error>> {
/// let options = PostgresOptions::new("postgres://shop:secret@localhost/shop", "tickets")?;
/// let queue = PostgresQueue::connect(&options).await?;
/// let verify = VerifyLayer::new(Verifier::new(Secret::from_env("NEVENT_WEBHOOK_SECRET")?));
/// let dedupe = DedupeLayer::new("receiver", options.store().await?)?;
/// let webhook = post(hand_over(queue)).route_layer((verify, dedupe));
/// # Ok(Router::new().route("/webhooks/nevent", webhook)) }
/// ```
#[derive(Debug, Clone)]
pub struct PostgresQueue {
    database: Arc<Database>,
    waker: Arc<Waker>,
    options: Arc<PostgresOptions>,
}

impl PostgresQueue {
    /// Connects to the database, and checks it.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: the server cannot be reached, would lose entries as it is configured, or has not
    /// been [migrated](PostgresOptions::migrate).
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let database = Arc::new(Database::new(options)?);
        let waker = Arc::new(Waker::start(Arc::clone(&database), options.queue.clone()));
        let queue = Self { database, waker, options: Arc::new(options.clone()) };
        queue.ready().await?;
        Ok(queue)
    }

    /// Checks again that the server can be reached and loses nothing, for a readiness probe.
    ///
    /// # Errors
    ///
    /// As for [`PostgresQueue::connect`].
    pub async fn ready(&self) -> Result<(), PostgresError> {
        check(&self.database, Rights::Put, self.options.accepts_unsafe_disk).await
    }

    async fn insert_and_complete(
        &self,
        envelope: &Envelope,
        claim: &ClaimHandle,
    ) -> Result<(), QueueError> {
        let json = envelope.to_json();
        let (length, limit) = (json.len(), self.options.largest_entry);
        if length > limit {
            return Err(unavailable(PostgresError::TooLarge { length, limit }));
        }
        let mut connection = self.database.connection().await.map_err(unavailable)?;
        let failed = |error: tokio_postgres::Error| unavailable(self.database.failed(&error));
        let begin = connection.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let transaction = begin.start().await.map_err(failed)?;
        let event_type = envelope.event_type().map(column);
        let (id, received) = (envelope.id().as_str(), envelope.received_at_millis());
        let values = [
            (&self.options.queue as _, Type::TEXT),
            (&id as _, Type::TEXT),
            (&event_type as _, Type::TEXT),
            (&received as _, Type::INT8),
            (&json as _, Type::TEXT),
        ];
        let (limits, put) = (limits(self.database.limit), &self.database.schema.put);
        let (limited, inserted) =
            join(transaction.batch_execute(&limits), transaction.query_typed(put, &values)).await;
        let rows = limited.and(inserted).map_err(failed)?;
        let [row] = &rows[..] else {
            return Err(unavailable(self.not_stored()));
        };
        refuse(&self.database.server, row.get(0), self.options.accepts_unsafe_disk)
            .map_err(unavailable)?;
        claim.commit(transaction).await?;
        connection.give_back();
        Ok(())
    }

    fn not_stored(&self) -> PostgresError {
        let reason = "has not stored the entry: see the triggers and rules of the table `entries`";
        let (server, reason) = (self.database.server.clone(), reason.to_owned());
        PostgresError::Unsuitable { server, reason }
    }

    /// Whether the records of the claim's store are here. A claim that was lost to another attempt has a
    /// record, of that attempt. A claim of another database has none.
    async fn has_record(&self, claim: &ClaimHandle) -> Result<bool, PostgresError> {
        let claim = claim.claim();
        let (scope, kind, id) = (claim.scope.as_str(), claim.kind.as_str(), claim.id.as_str());
        let parameters =
            [(&scope as _, Type::TEXT), (&kind as _, Type::TEXT), (&id as _, Type::TEXT)];
        let query = format!(
            "SELECT FROM {}.records WHERE scope = $1 AND kind = $2 AND id = $3",
            self.database.schema.name
        );
        Ok(!self.database.query(Commit::OnDisk, &query, &parameters).await?.is_empty())
    }
}

impl Queue for PostgresQueue {
    async fn put(&self, envelope: &Envelope, claim: &ClaimHandle) -> Result<(), QueueError> {
        let put = timeout(self.database.limit, self.insert_and_complete(envelope, claim)).await;
        let elsewhere = || PostgresError::OtherDatabase { server: self.database.server.clone() };
        match put.unwrap_or_else(|_| Err(unavailable(self.database.timed_out()))) {
            Ok(()) => {
                self.waker.wake();
                Ok(())
            }
            Err(QueueError::NotCompleted(
                CompleteError::NotTransactional | CompleteError::OtherDatabase { .. },
            )) => Err(unavailable(elsewhere())),
            // Otherwise the sender would be told that another attempt has the delivery.
            Err(QueueError::NotCompleted(CompleteError::Lost))
                if self.has_record(claim).await.is_ok_and(|has| !has) =>
            {
                Err(unavailable(elsewhere()))
            }
            failed => failed,
        }
    }
}

fn unavailable(error: PostgresError) -> QueueError {
    QueueError::unavailable(error)
}

/// The text as a column can hold it. No text of `PostgreSQL` has a zero byte.
pub(super) fn column(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

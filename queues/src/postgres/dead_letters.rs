use std::time::SystemTime;

use nevent_webhooks::queue::Envelope;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::batch::Batch;
use super::check::{Rights, check};
use super::database::{Commit, Database, Parameter};
use super::entries::name_of;
use super::queue::column;
use super::wake::wake_workers;
use super::{PostgresError, PostgresOptions};
use crate::dead_letter::unix_millis;
use crate::{DeadLetter, Select};

/// The dead letters of a queue: entries that failed at their last attempt, that lost their worker too
/// often, that cannot be read, or that are no events.
///
/// ```no_run
/// use nevent_webhooks_queues::Select;
/// use nevent_webhooks_queues::postgres::{PostgresDeadLetters, PostgresOptions};
///
/// # async fn tool() -> Result<(), Box<dyn std::error::Error>> {
/// let options = PostgresOptions::new("postgres://shop:secret@localhost/shop", "tickets")?;
/// let dead = PostgresDeadLetters::connect(&options).await?;
/// for letter in dead.list(100).await? {
///     println!("{} {:?} {}", letter.id(), letter.event_type(), letter.reason());
/// }
/// let replayed = dead.replay(Select::Type("ticket.sold")).await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct PostgresDeadLetters {
    database: Database,
    options: PostgresOptions,
}

/// Fewer if they are so large that these take too long.
const BATCH: i64 = 1_000;

impl PostgresDeadLetters {
    /// Connects to the database, and checks it.
    ///
    /// # Errors
    ///
    /// As for [`PostgresWorker::connect`](super::PostgresWorker::connect).
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn connect(options: &PostgresOptions) -> Result<Self, PostgresError> {
        let database = Database::new(options)?;
        check(&database, Rights::Work, options.accepts_unsafe_disk).await?;
        Ok(Self { database, options: options.clone() })
    }

    /// Lists up to `limit` dead letters, the oldest first.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] if the server fails.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, PostgresError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = format!(
            "SELECT number, id, reason, attempts, envelope FROM {}.entries \
             WHERE queue = $1 AND dead_at IS NOT NULL ORDER BY dead_at, number LIMIT $2",
            self.database.schema.name
        );
        let parameters = [(&self.options.queue as _, Type::TEXT), (&limit as _, Type::INT8)];
        let rows = self.database.query(Commit::OnDisk, &query, &parameters).await?;
        Ok(rows.iter().map(letter_of).collect())
    }

    /// Puts dead letters into the queue again, with all their attempts. Returns how many.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] if the server fails. Call it again: it has replayed some, or none.
    pub async fn replay(&self, select: Select<'_>) -> Result<usize, PostgresError> {
        let act = "UPDATE {table} SET dead_at = NULL, run_at = statement_timestamp(), \
            attempts = 0, vanished = 0, reason = NULL";
        let replayed = self.each(act, select).await?;
        // The workers find them anyway.
        let _ = wake_workers(&self.database, &self.options.queue).await;
        Ok(replayed)
    }

    /// Deletes dead letters for good, for example those of a fan who is to be forgotten. Returns how many.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] if the server fails. Call it again: it has deleted some, or none.
    pub async fn delete(&self, select: Select<'_>) -> Result<usize, PostgresError> {
        self.each("DELETE FROM {table}", select).await
    }

    /// In batches, of those that there are now: what is replayed may be a dead letter again before this
    /// ends.
    async fn each(&self, act: &str, select: Select<'_>) -> Result<usize, PostgresError> {
        let now = self.database.query(Commit::OnDisk, "SELECT clock_timestamp()", &[]).await?;
        let now: SystemTime = now.first().map_or_else(SystemTime::now, |row| row.get(0));
        let table = format!("{}.entries", self.database.schema.name);
        let statement = format!(
            "{} WHERE number = ANY (ARRAY(SELECT number FROM {table} \
             WHERE queue = $1 AND dead_at <= $2 AND {} ORDER BY dead_at, number \
             LIMIT {{most}} FOR UPDATE)) AND dead_at <= $2 RETURNING number",
            act.replace("{table}", &table),
            condition(select),
        );
        let text = match select {
            Select::Id(text) | Select::Type(text) => column(text),
            _ => String::new(),
        };
        let (from, to) = match select {
            Select::ReceivedBetween(from, to) => (unix_millis(from), unix_millis(to)),
            _ => (0, 0),
        };
        let mut parameters: Vec<Parameter<'_>> =
            vec![(&self.options.queue, Type::TEXT), (&now, Type::TIMESTAMPTZ)];
        match select {
            Select::All => {}
            Select::Id(_) | Select::Type(_) => parameters.push((&text, Type::TEXT)),
            Select::ReceivedBetween(..) => {
                parameters.extend([(&from as _, Type::INT8), (&to as _, Type::INT8)]);
            }
        }
        let (mut count, mut batch) = (0, Batch::of(BATCH));
        loop {
            let statement = statement.replace("{most}", &batch.most().to_string());
            match self.database.query(Commit::OnDisk, &statement, &parameters).await {
                Ok(done) => {
                    count += done.len();
                    if i64::try_from(done.len()).is_ok_and(|done| done < batch.most()) {
                        return Ok(count);
                    }
                }
                Err(error) if batch.halves_after(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn condition(select: Select<'_>) -> &'static str {
    match select {
        Select::All => "true",
        Select::Id(_) => "(id = $3 OR (id = '' AND number::text = $3))",
        Select::Type(_) => "event_type = $3",
        Select::ReceivedBetween(..) => "received_at_ms >= $3 AND received_at_ms < $4",
    }
}

fn letter_of(row: &Row) -> DeadLetter {
    let json: String = row.get(4);
    DeadLetter {
        id: name_of(row.get(1), row.get(0)),
        reason: row.get::<_, Option<String>>(2).unwrap_or_default(),
        attempts: u32::try_from(row.get::<_, i32>(3)).unwrap_or_default(),
        content: Envelope::from_json(json.as_bytes()).map_err(|_| json.into_bytes()),
    }
}

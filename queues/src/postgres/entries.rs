//! What a worker does with the rows of the table.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use nevent_webhooks::queue::Envelope;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::database::{Commit, Database};
use super::{PostgresError, PostgresOptions};
use crate::content::Content;
use crate::verdict::Verdict;

/// An entry that a worker has.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) attempts: u32,
    vanished: u32,
    envelope: String,
}

/// The rows, as one worker sees them.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) database: Database,
    pub(super) options: PostgresOptions,
    /// The worker's name in the rows: another one after each start.
    lease: i64,
}

impl Taken {
    fn of(row: &Row) -> Self {
        let count = |index| u32::try_from(row.get::<_, i32>(index)).unwrap_or_default();
        let number = row.get(0);
        let id = name_of(row.get(3), number);
        Self { number, id, attempts: count(1), vanished: count(2), envelope: row.get(4) }
    }

    pub(super) fn content(&self, delivery_limit: u32) -> Content {
        let content = Content::of(Envelope::from_json(self.envelope.as_bytes()));
        if self.vanished > delivery_limit { content.killer() } else { content }
    }
}

/// The id of the event, or else the row's number.
pub(super) fn name_of(id: String, number: i64) -> String {
    if id.is_empty() { number.to_string() } else { id }
}

impl Entries {
    pub(super) fn new(database: Database, options: PostgresOptions) -> Self {
        let lease = RandomState::new().hash_one(std::process::id()).cast_signed();
        Self { database, options, lease }
    }

    /// Takes up to so many entries that are due.
    pub(super) async fn take(&self, most: usize) -> Result<Vec<Taken>, PostgresError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let lease = millis(self.options.lease);
        let parameters = [
            (&self.options.queue as _, Type::TEXT),
            (&most as _, Type::INT8),
            (&lease as _, Type::INT8),
            (&self.lease as _, Type::INT8),
        ];
        let rows =
            self.database.query(Commit::Soon, &self.database.schema.take, &parameters).await?;
        Ok(rows.iter().map(Taken::of).collect())
    }

    /// Starts the leases of these entries anew, as far as they are still this worker's.
    pub(super) async fn renew(&self, numbers: &[i64]) -> Result<(), PostgresError> {
        let lease = millis(self.options.lease);
        let parameters = [
            (&numbers as _, Type::INT8_ARRAY),
            (&lease as _, Type::INT8),
            (&self.lease as _, Type::INT8),
        ];
        let renewed =
            self.database.query(Commit::Soon, &self.database.schema.renew, &parameters).await;
        renewed.map(drop)
    }

    /// Does with the entry what the verdict says. If another worker has taken it meanwhile, it changes
    /// nothing, unless the entry is done.
    pub(super) async fn settle(&self, number: i64, verdict: &Verdict) -> Result<(), PostgresError> {
        let schema = &self.database.schema;
        let (number, lease) = ((&number as _, Type::INT8), (&self.lease as _, Type::INT8));
        let settled = match *verdict {
            Verdict::Done => self.database.query(Commit::Soon, &schema.done, &[number]).await,
            Verdict::Retry { outcome, attempts, delay } => {
                let (delay, attempts) = (millis(delay), count(attempts));
                let (delay, attempts) = ((&delay as _, Type::INT8), (&attempts as _, Type::INT4));
                let all = [number, lease, delay, attempts, (&outcome as _, Type::TEXT)];
                self.database.query(Commit::OnDisk, &schema.retry, &all).await
            }
            Verdict::Dead { reason, attempts } => {
                let attempts = count(attempts);
                let all = [number, lease, (&attempts as _, Type::INT4), (&reason as _, Type::TEXT)];
                self.database.query(Commit::OnDisk, &schema.dead, &all).await
            }
        };
        settled.map(drop)
    }

    /// Deletes some dead letters that have expired. Returns how many.
    pub(super) async fn expire(&self) -> Result<usize, PostgresError> {
        let age = millis(self.options.dead_letters_for);
        let parameters = [(&self.options.queue as _, Type::TEXT), (&age as _, Type::INT8)];
        let expired =
            self.database.query(Commit::Soon, &self.database.schema.expire, &parameters).await?;
        Ok(expired.len())
    }
}

fn count(attempts: u32) -> i32 {
    i32::try_from(attempts).unwrap_or(i32::MAX)
}

/// At most a century, which every interval and moment of the server can hold.
pub(super) fn millis(duration: Duration) -> i64 {
    const CENTURY: i64 = 100 * 365 * 24 * 3_600_000;
    i64::try_from(duration.as_millis()).unwrap_or(CENTURY).min(CENTURY)
}

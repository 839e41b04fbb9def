//! What a worker does with the rows of the table.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use nevent_webhooks::queue::Envelope;
use tokio::sync::Mutex;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::database::{Commit, Database, Parameter};
use super::{PostgresError, PostgresOptions};
use crate::content::{Content, WORKER_VANISHED};
use crate::verdict::Verdict;

/// Which row it is. The number finds it, and the token is of this row alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    number: i64,
    token: String,
}

/// An entry that a worker has.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) key: Key,
    pub(super) id: String,
    pub(super) attempts: u32,
    pub(super) vanished: u32,
    /// If it is small. The others are [read](Entries::read) later.
    envelope: Option<String>,
}

/// The rows, as one worker sees them.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) database: Database,
    pub(super) options: PostgresOptions,
    /// The worker's name in the rows: another one after each start.
    lease: i64,
    reading: Mutex<()>,
}

impl Key {
    fn parameters(&self) -> [Parameter<'_>; 2] {
        [(&self.number, Type::INT8), (&self.token, Type::TEXT)]
    }
}

impl Taken {
    fn of(row: &Row) -> Self {
        let count = |index| u32::try_from(row.get::<_, i32>(index)).unwrap_or_default();
        let number = row.get(0);
        let id = name_of(row.get(4), number);
        let key = Key { number, token: row.get(1) };
        Self { key, id, attempts: count(2), vanished: count(3), envelope: row.get(5) }
    }
}

/// The id of the event, or else the row's number.
pub(super) fn name_of(id: String, number: i64) -> String {
    if id.is_empty() { number.to_string() } else { id }
}

impl Entries {
    pub(super) fn new(database: Database, options: PostgresOptions) -> Self {
        let lease = RandomState::new().hash_one(std::process::id()).cast_signed();
        Self { database, options, lease, reading: Mutex::default() }
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

    /// What is in an entry. `None` if this worker does not have it any more.
    ///
    /// Large envelopes are read one at a time, each within ten times the limit: together they would share
    /// the way from the server, and none would be in time.
    pub(super) async fn read(&self, taken: &Taken) -> Result<Option<Content>, PostgresError> {
        let is_killer = taken.vanished > self.options.delivery_limit;
        if let Some(envelope) = &taken.envelope {
            let content = Content::of(Envelope::from_json(envelope.as_bytes()));
            return Ok(Some(if is_killer { content.killer() } else { content }));
        }
        if is_killer {
            // Reading it may be what has killed them.
            return Ok(Some(Content::Dead(WORKER_VANISHED, None)));
        }
        let _alone = self.reading.lock().await;
        let [number, own] = taken.key.parameters();
        let parameters = [number, own, (&self.lease as _, Type::INT8)];
        let (limit, read) = (self.database.limit.saturating_mul(10), &self.database.schema.read);
        let rows = self.database.query_within(limit, Commit::Soon, read, &parameters).await?;
        let envelope = rows.first().map(|row| row.get::<_, &str>(0));
        Ok(envelope.map(|envelope| Content::of(Envelope::from_json(envelope.as_bytes()))))
    }

    /// Starts the leases of these entries anew, as far as they are still this worker's.
    pub(super) async fn renew(&self, keys: &[Key]) -> Result<(), PostgresError> {
        let lease = millis(self.options.lease);
        let numbers: Vec<_> = keys.iter().map(|key| key.number).collect();
        let tokens: Vec<_> = keys.iter().map(|key| &*key.token).collect();
        let parameters = [
            (&numbers as _, Type::INT8_ARRAY),
            (&tokens as _, Type::TEXT_ARRAY),
            (&self.lease as _, Type::INT8),
            (&lease as _, Type::INT8),
        ];
        let renewed =
            self.database.query(Commit::Soon, &self.database.schema.renew, &parameters).await;
        renewed.map(drop)
    }

    /// Does with the entry what the verdict says. If another worker has taken it meanwhile, it changes
    /// nothing, unless the entry is done.
    pub(super) async fn settle(&self, key: &Key, verdict: &Verdict) -> Result<(), PostgresError> {
        let schema = &self.database.schema;
        let ([number, token], lease) = (key.parameters(), (&self.lease as _, Type::INT8));
        let settled = match *verdict {
            Verdict::Done => {
                self.database.query(Commit::Soon, &schema.done, &[number, token]).await
            }
            Verdict::Retry { outcome, attempts, delay, .. } => {
                let (delay, attempts) = (millis(delay), count(attempts));
                let (delay, attempts) = ((&delay as _, Type::INT8), (&attempts as _, Type::INT4));
                let all = [number, token, lease, delay, attempts, (&outcome as _, Type::TEXT)];
                self.database.query(Commit::OnDisk, &schema.retry, &all).await
            }
            Verdict::Dead { reason, attempts, .. } => {
                let attempts = count(attempts);
                let (attempts, reason) = ((&attempts as _, Type::INT4), (&reason as _, Type::TEXT));
                let all = [number, token, lease, attempts, reason];
                self.database.query(Commit::OnDisk, &schema.dead, &all).await
            }
        };
        settled.map(drop)
    }

    /// Makes entries due that the server's clock, which was set back, would keep waiting. It looks at all
    /// entries that wait, so it may take long.
    pub(super) async fn pull_back(&self) -> Result<(), PostgresError> {
        let lease = millis(self.options.lease);
        let parameters = [(&self.options.queue as _, Type::TEXT), (&lease as _, Type::INT8)];
        let (limit, pull_back) =
            (self.database.limit.saturating_mul(10), &self.database.schema.pull_back);
        while !self
            .database
            .query_within(limit, Commit::Soon, pull_back, &parameters)
            .await?
            .is_empty()
        {}
        Ok(())
    }

    /// The time on the server's clock.
    pub(super) async fn server_time(&self) -> Result<SystemTime, PostgresError> {
        let rows = self.database.query(Commit::Soon, "SELECT clock_timestamp()", &[]).await?;
        let row = rows.first().ok_or_else(|| self.database.failed_with("no row".to_owned()))?;
        Ok(row.get(0))
    }

    /// Deletes up to so many dead letters that have expired. Returns how many.
    pub(super) async fn expire(&self, most: i64) -> Result<usize, PostgresError> {
        let age = millis(self.options.dead_letters_for);
        let parameters = [
            (&self.options.queue as _, Type::TEXT),
            (&age as _, Type::INT8),
            (&most as _, Type::INT8),
        ];
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

//! The deletion of expired rows, in batches.

use rusqlite::{Connection, Statement};

use super::time::now;

/// The statements that delete expired rows.
pub(super) struct Cleanup<'c> {
    any: Statement<'c>,
    records: Statement<'c>,
    replays: Statement<'c>,
}

/// Few enough that no batch holds up claims for long.
const BATCH: u32 = 500;

impl<'c> Cleanup<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            any: connection.prepare(
                "SELECT EXISTS (SELECT 1 FROM nevent_webhooks_records \
                    WHERE delete_after < ?1 AND ends < ?1) \
                 OR EXISTS (SELECT 1 FROM nevent_webhooks_replays WHERE expires < ?1)",
            )?,
            records: connection.prepare(
                "DELETE FROM nevent_webhooks_records WHERE rowid IN ( \
                    SELECT rowid FROM nevent_webhooks_records \
                    WHERE delete_after < ?1 AND ends < ?1 ORDER BY delete_after LIMIT ?2)",
            )?,
            replays: connection.prepare(
                "DELETE FROM nevent_webhooks_replays WHERE rowid IN ( \
                    SELECT rowid FROM nevent_webhooks_replays \
                    WHERE expires < ?1 ORDER BY expires LIMIT ?2)",
            )?,
        })
    }

    /// Whether there are expired rows. Without this look, an idle store would take the write lock
    /// again and again for nothing.
    pub(super) fn is_due(&mut self) -> rusqlite::Result<bool> {
        self.any.query_row([now()], |row| row.get(0))
    }

    /// Deletes a batch. Returns whether there may be more.
    pub(super) fn delete_batch(&mut self) -> rusqlite::Result<bool> {
        let batch = rusqlite::params![now(), BATCH];
        let (records, replays) = (self.records.execute(batch)?, self.replays.execute(batch)?);
        Ok(records.max(replays) >= BATCH as usize)
    }
}

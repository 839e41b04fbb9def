//! Opening the file: its journal, its durability, its tables, and whether it is still there.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::error::is_busy;
use super::schema::{EXISTS, READ_VERSION, SQL, VERSION};
use super::{SqliteOptions, SqliteStoreError};

/// The file on the disk.
pub(super) struct File {
    pub(super) path: PathBuf,
    options: SqliteOptions,
}

/// How long the store waits for another process that creates the same tables, or for a handler.
const PATIENCE: Duration = Duration::from_secs(5);

impl File {
    /// The file at a path, which a later change of the working directory does not change.
    pub(super) fn at(path: &Path, options: SqliteOptions) -> Result<Self, SqliteStoreError> {
        let reason = |reason: String| SqliteStoreError::Options { reason };
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            let text =
                format!("the path `{}` is no file: name one, or use a MemoryStore", path.display());
            return Err(reason(text));
        }
        let path = std::path::absolute(path).map_err(|error| {
            reason(format!("the path {} is not valid: {error}", path.display()))
        })?;
        Ok(Self { path, options: options.checked()? })
    }

    /// Whether completions wait for the disk.
    pub(super) fn is_full(&self) -> bool {
        !self.options.synchronous_normal
    }

    pub(super) fn busy_timeout(&self) -> Duration {
        self.options.busy_timeout
    }

    /// Opens the file, and creates it and its tables if they are missing.
    ///
    /// SQLite does not wait for its lock in all of these steps, so the store repeats them.
    pub(super) fn open(&self) -> Result<Connection, SqliteStoreError> {
        let begun = Instant::now();
        loop {
            match self.try_to_open() {
                Err(SqliteStoreError::Failed { error, .. })
                    if is_busy(&error) && begun.elapsed() < PATIENCE =>
                {
                    sleep(Duration::from_millis(10));
                }
                opened => return opened,
            }
        }
    }

    fn try_to_open(&self) -> Result<Connection, SqliteStoreError> {
        let failed = |error| self.failed(error);
        // Of one thread, so SQLite needs no mutex.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&self.path, flags).map_err(failed)?;
        connection.busy_timeout(Duration::from_millis(200)).map_err(failed)?;
        let mode = "PRAGMA journal_mode = WAL";
        let mode: String = connection.query_row(mode, [], |row| row.get(0)).map_err(failed)?;
        if mode != "wal" {
            return Err(SqliteStoreError::NotWal { path: self.path.clone(), mode });
        }
        // For the tables. The worker chooses for each of its transactions.
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        let version = migrated(&mut connection).map_err(failed)?;
        if version != VERSION {
            return Err(SqliteStoreError::Schema { path: self.path.clone(), version });
        }
        // From now on the store waits by itself, and takes new jobs meanwhile.
        connection.busy_timeout(Duration::ZERO).map_err(failed)?;
        Ok(connection)
    }

    /// The error that SQLite reports about this file.
    pub(super) fn failed(&self, error: rusqlite::Error) -> SqliteStoreError {
        SqliteStoreError::Failed { path: self.path.clone(), error: Arc::new(error) }
    }

    pub(super) fn busy(&self) -> SqliteStoreError {
        SqliteStoreError::Busy { path: self.path.clone(), waited: self.busy_timeout() }
    }

    /// What tells the file from any other that is put in its place. `None` if there is no file.
    #[cfg(unix)]
    pub(super) fn number(&self) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt;
        // To open the file and to close it again would end this process's locks on it.
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }

    /// Elsewhere, the operating system does not let an open file be moved or deleted.
    #[cfg(not(unix))]
    pub(super) fn number(&self) -> Option<(u64, u64)> {
        None
    }

    pub(super) fn moved(&self) -> SqliteStoreError {
        SqliteStoreError::Moved { path: self.path.clone() }
    }
}

/// Creates the tables in one transaction unless there are any. Returns their version.
fn migrated(connection: &mut Connection) -> rusqlite::Result<i64> {
    if !connection.query_row(EXISTS, [], |row| row.get(0))? {
        let behavior = TransactionBehavior::Immediate;
        let transaction = connection.transaction_with_behavior(behavior)?;
        transaction.execute_batch(SQL)?;
        transaction.commit()?;
    }
    connection.query_row(READ_VERSION, [], |row| row.get(0))
}

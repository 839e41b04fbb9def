use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::store::StoreError;

crate::text::debug_is_display!(SqliteStoreError);

/// Why a [`SqliteStore`](super::SqliteStore) could not open its file, or why an operation failed.
///
/// Each message is one line that says what to do.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteStoreError {
    /// An option or a path has a value that cannot work.
    #[error("{reason}")]
    #[non_exhaustive]
    Options {
        /// The option, its value, and what is wrong with it.
        reason: String,
    },
    /// SQLite could not open the file, or refused a statement.
    #[error("SQLite file {}: {}{}", path.display(), crate::text::with_sources(error), hint(error))]
    #[non_exhaustive]
    Failed {
        /// The file.
        path: PathBuf,
        /// The error of `rusqlite`.
        error: Arc<rusqlite::Error>,
    },
    /// Another connection's write transaction did not end in time.
    #[error(
        "SQLite file {}: another connection has been writing for {waited:?}: keep handlers' transactions short, and begin them after slow work", path.display()
    )]
    #[non_exhaustive]
    Busy {
        /// The file.
        path: PathBuf,
        /// The busy timeout.
        waited: Duration,
    },
    /// The file cannot have a write-ahead log.
    #[error(
        "SQLite file {}: its journal mode is {mode}, not WAL: put it on a local disk, in a directory that this process may write to", path.display()
    )]
    #[non_exhaustive]
    NotWal {
        /// The file.
        path: PathBuf,
        /// The journal mode that SQLite reports.
        mode: String,
    },
    /// The store's tables are of another version.
    #[error(
        "SQLite file {}: its tables are of version {version}, which this release does not know: update nevent-webhooks, or name another file", path.display()
    )]
    #[non_exhaustive]
    Schema {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        version: i64,
    },
    /// The file is no longer where it was. What is written to it would be lost at the next restart.
    #[error(
        "SQLite file {}: it was moved, deleted or replaced while the store had it open: put it back, or restart the receiver", path.display()
    )]
    #[non_exhaustive]
    Moved {
        /// The file.
        path: PathBuf,
    },
    /// The store's thread could not be started, or has ended.
    #[error("SQLite file {}: the store has no thread ({reason}): restart the receiver", path.display())]
    #[non_exhaustive]
    NoThread {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        reason: String,
    },
}

impl From<SqliteStoreError> for StoreError {
    fn from(error: SqliteStoreError) -> Self {
        Self::unavailable(error)
    }
}

/// Whether another connection has the lock that the statement needs.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// What to do, where that is known.
fn hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            ": this is no SQLite file, or it is encrypted. Name another path"
        }
        Some(ErrorCode::DatabaseCorrupt) => {
            ": restore it from a backup. Without it, deliveries that were handled are forgotten"
        }
        Some(ErrorCode::DiskFull) => ": free space on its disk",
        Some(ErrorCode::SystemIoFailure) => ": check its disk and its quota",
        Some(ErrorCode::CannotOpen) => ": create its directory, and let this process write to it",
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            ": let this process write to the file and to its directory"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ": another connection is using it. Try again when its transaction has ended"
        }
        _ => "",
    }
}

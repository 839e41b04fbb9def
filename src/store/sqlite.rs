//! The store in a SQLite file, which a handler's transaction can reach.

mod cleanup;
mod error;
mod file;
mod job;
mod operations;
mod options;
mod replays;
mod schema;
mod tables;
#[cfg(test)]
mod tests;
mod time;
mod worker;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;

use tokio::sync::oneshot;

pub use self::error::SqliteStoreError;
use self::file::File;
use self::job::{Outlives, Waiting};
pub use self::options::SqliteOptions;
use self::worker::Worker;
use super::{CompletionSql, StoreIdentity};

/// A [`Store`](super::Store) in a SQLite file, for the processes of one machine. A restart, a crash
/// or a power cut loses no completion.
///
/// A handler with its own data in this file can complete its delivery in its own transaction with
/// [`Delivery::commit_blocking`](crate::Delivery::commit_blocking). The effect and the record of it
/// are then committed together, or neither is.
///
/// ```no_run
/// use nevent_webhooks::DedupeLayer;
/// use nevent_webhooks::store::SqliteStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = SqliteStore::open("/var/lib/shop/shop.db").await?;
/// let dedupe = DedupeLayer::new("tickets", store)?;
/// # Ok(())
/// # }
/// ```
///
#[cfg_attr(feature = "tower", doc = "```no_run")]
#[cfg_attr(not(feature = "tower"), doc = "```ignore")]
/// use nevent_webhooks::{Delivery, transaction::CompleteError};
/// use rusqlite::{Connection, TransactionBehavior::Immediate};
///
/// /// Call it in `tokio::task::spawn_blocking`.
/// fn sell(delivery: &Delivery, shop: &mut Connection) -> Result<(), CompleteError> {
///     let failed = |error: rusqlite::Error| CompleteError::Database(error.into());
///     let sale = shop.transaction_with_behavior(Immediate).map_err(failed)?;
///     sale.execute("INSERT INTO sales (delivery) VALUES (?1)", [delivery.id().as_str()])
///         .map_err(failed)?;
///     delivery.commit_blocking(sale)
/// }
/// ```
///
/// # The file
///
/// The file must be on a local disk: SQLite's locks do not work on network file systems. It gets a
/// write-ahead log (`PRAGMA journal_mode = WAL`), which then holds for all of its users. The store's
/// tables begin with `nevent_webhooks_`. The file may hold your own tables, too.
///
/// Expired rows are deleted as time goes on. The file does not shrink: SQLite uses the room again.
///
/// # One thread
///
/// The store has a connection and a thread of its own. The thread commits all operations that wait
/// together, and each returns after that commit. A completion returns when it is on the disk. A claim
/// does not wait for the disk, because a power cut also ends its handler. The thread ends when the last
/// clone of the store is dropped. The store works in every async runtime.
///
/// # One writer
///
/// SQLite lets one connection write at a time. While a handler's transaction holds the write lock, the
/// store can neither claim nor renew any delivery. Claims wait for the
/// [`busy_timeout`](SqliteOptions::busy_timeout), and are then answered 503. Renewals are repeated.
/// No lease is lost if each write transaction takes less than half a lease: 15 s by default.
///
/// So keep handlers' write transactions short. Do slow work, such as a call of another service, before
/// you begin the transaction, and begin it with `TransactionBehavior::Immediate`.
///
/// # Time
///
/// The file holds times of the machine's wall clock. If the clock is set back, no lease and no
/// retention lasts longer than its full length from the next claim on. If the clock is set forward,
/// leases and retentions end early by as much.
#[derive(Clone)]
pub struct SqliteStore(Arc<Shared>);

struct Shared {
    file: Arc<File>,
    jobs: mpsc::Sender<Waiting>,
    sql: CompletionSql,
    identity: StoreIdentity,
}

impl SqliteStore {
    /// Opens the file at a path. Creates the file and the store's tables if they are missing.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened or written, is no SQLite file, cannot have a write-ahead log, or
    /// has tables of a later version.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SqliteStoreError> {
        Self::open_with(path, SqliteOptions::new()).await
    }

    /// Opens the file at a path with options.
    ///
    /// ```no_run
    /// use nevent_webhooks::store::{SqliteOptions, SqliteStore};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let options = SqliteOptions::new().synchronous_normal(true);
    /// let store = SqliteStore::open_with("/var/lib/shop/shop.db", options).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`SqliteStore::open`], and impossible options.
    pub async fn open_with(
        path: impl AsRef<Path>,
        options: SqliteOptions,
    ) -> Result<Self, SqliteStoreError> {
        let file = Arc::new(File::at(path.as_ref(), options)?);
        let (jobs, received) = mpsc::channel();
        let shared = Shared {
            file: Arc::clone(&file),
            jobs,
            sql: CompletionSql::new("SQLite", schema::COMPLETE_IN_TRANSACTION),
            identity: StoreIdentity::of_a_server(),
        };
        let (tell, opened) = oneshot::channel();
        thread::Builder::new()
            .name("nevent-webhooks".to_owned())
            .spawn(move || serve(&file, received, tell))
            .map_err(|error| shared.no_thread(&error.to_string()))?;
        opened.await.unwrap_or_else(|_| Err(shared.no_thread("it has ended")))?;
        Ok(Self(Arc::new(shared)))
    }

    /// The SQL that [`SqliteStore::open`] executes if the tables are missing, for a team that creates
    /// its tables by other means.
    #[must_use]
    pub fn schema_sql() -> &'static str {
        schema::SQL
    }

    /// Checks that the file can be written to, for a readiness probe.
    ///
    /// Do not use it for a liveness probe: restarting the receiver frees no disk.
    ///
    /// # Errors
    ///
    /// A file that cannot be written, was moved, or is locked by another connection for longer than
    /// the [`busy_timeout`](SqliteOptions::busy_timeout).
    pub async fn ready(&self) -> Result<(), SqliteStoreError> {
        #[allow(
            clippy::redundant_closure_for_method_calls,
            reason = "a closure is for tables of any lifetime, and the method's path is not"
        )]
        self.0.ask(Outlives::PowerCut, |tables| tables.check()).await
    }
}

/// The whole life of the store's thread.
fn serve(
    file: &File,
    jobs: mpsc::Receiver<Waiting>,
    opened: oneshot::Sender<Result<(), SqliteStoreError>>,
) {
    let connection = match file.open() {
        Ok(connection) => connection,
        Err(error) => return drop(opened.send(Err(error))),
    };
    match Worker::new(file, &connection, jobs) {
        Ok(worker) => {
            // If nobody waits any more, there is no store, and the worker ends at once.
            let _ = opened.send(Ok(()));
            worker.serve();
        }
        Err(error) => drop(opened.send(Err(file.failed(error)))),
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.0.file.path).finish_non_exhaustive()
    }
}

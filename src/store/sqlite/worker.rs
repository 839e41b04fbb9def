//! The store's thread: it owns the connection, and commits the jobs that wait together.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Statement};

use super::SqliteStoreError;
use super::cleanup::Cleanup;
use super::error::is_busy;
use super::file::File;
use super::job::{Outlives, Waiting};
use super::tables::Tables;
use super::time::after;

/// The connection's statements, and the jobs that wait for their turn.
pub(super) struct Worker<'c> {
    file: &'c File,
    number: Option<(u64, u64)>,
    connection: &'c Connection,
    /// Whether `PRAGMA synchronous` is `FULL`, and not `NORMAL`.
    is_full: bool,
    jobs: Receiver<Waiting>,
    waiting: Vec<Waiting>,
    tables: Tables<'c>,
    cleanup: Cleanup<'c>,
    clean_up_at: Instant,
    begin: Statement<'c>,
    commit: Statement<'c>,
    roll_back: Statement<'c>,
}

/// The most jobs in one transaction, which each of them waits for.
const MOST_JOBS: usize = 512;

/// The pause between two tries to get the file's lock. SQLite tells nobody when the lock is free.
const PAUSE: Duration = Duration::from_millis(2);

/// The pause between two clean-ups, in which few rows expire even at full load.
const CLEANUP_PAUSE: Duration = Duration::from_secs(2);

impl<'c> Worker<'c> {
    pub(super) fn new(
        file: &'c File,
        connection: &'c Connection,
        jobs: Receiver<Waiting>,
    ) -> rusqlite::Result<Self> {
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self {
            file,
            number: file.number(),
            connection,
            is_full: false,
            jobs,
            waiting: Vec::new(),
            tables: Tables::new(connection)?,
            cleanup: Cleanup::new(connection)?,
            clean_up_at: after(CLEANUP_PAUSE),
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            roll_back: connection.prepare("ROLLBACK")?,
        })
    }

    /// Runs jobs until the last clone of the store is dropped.
    pub(super) fn serve(mut self) {
        while self.wait_for_a_job() {
            if self.is_locked_for_jobs() {
                self.run_waiting();
            }
            if self.clean_up_at <= Instant::now() {
                self.clean_up();
            }
        }
    }

    /// Waits until there is a job or a clean-up is due. `false` if there will be no more jobs.
    fn wait_for_a_job(&mut self) -> bool {
        if !self.waiting.is_empty() {
            return true;
        }
        let pause = self.clean_up_at.saturating_duration_since(Instant::now());
        match self.jobs.recv_timeout(pause) {
            Ok(job) => self.waiting.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    /// Takes the file's lock for the jobs that wait, unless all of them give up before it is free.
    fn is_locked_for_jobs(&mut self) -> bool {
        loop {
            self.take_new_jobs();
            if self.waiting.is_empty() {
                return false;
            }
            let on_disk = self.waiting.iter().any(|job| job.outlives == Outlives::PowerCut);
            match self.begin(on_disk) {
                Ok(()) => return true,
                Err(error) if is_busy(&error) => self.give_up_late_jobs(),
                Err(error) => {
                    self.answer_all(&self.file.failed(error));
                    return false;
                }
            }
            self.pause();
        }
    }

    fn take_new_jobs(&mut self) {
        let free = MOST_JOBS.saturating_sub(self.waiting.len());
        self.waiting.extend(self.jobs.try_iter().take(free));
        self.waiting.retain(|waiting| !waiting.job.is_abandoned());
    }

    fn give_up_late_jobs(&mut self) {
        let now = Instant::now();
        for late in self.waiting.extract_if(.., |waiting| waiting.until <= now) {
            late.job.answer(Err(self.file.busy()));
        }
    }

    fn pause(&mut self) {
        match self.jobs.recv_timeout(PAUSE) {
            Ok(job) => self.waiting.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => sleep(PAUSE),
        }
    }

    /// Opens a transaction with the file's lock, whose commit waits for the disk if need be.
    fn begin(&mut self, on_disk: bool) -> rusqlite::Result<()> {
        // Left by a rollback that failed.
        self.end_transaction();
        let full = on_disk && self.file.is_full();
        if full != self.is_full {
            let level = if full { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.is_full = full;
        }
        self.begin.execute([]).map(drop)
    }

    /// Rolls back the open transaction. Some errors have done so already.
    fn end_transaction(&mut self) {
        if !self.connection.is_autocommit() {
            // The next transaction tries again, and its jobs learn why it fails.
            let _ = self.roll_back.execute([]);
        }
    }

    fn answer_all(&mut self, error: &SqliteStoreError) {
        for waiting in self.waiting.drain(..) {
            waiting.job.answer(Err(error.clone()));
        }
    }

    /// Runs and commits the jobs that wait in the open transaction.
    fn run_waiting(&mut self) {
        if self.number != self.file.number() {
            self.end_transaction();
            return self.answer_all(&self.file.moved());
        }
        let mut batch = std::mem::take(&mut self.waiting);
        match self.commit(&mut batch) {
            Ok(()) => batch.into_iter().for_each(|waiting| waiting.job.answer(Ok(()))),
            Err(_) => self.run_alone(batch),
        }
    }

    /// Runs each job in a transaction of its own, so that one which fails does not fail the others.
    fn run_alone(&mut self, batch: Vec<Waiting>) {
        for mut waiting in batch {
            let begun = self.begin(waiting.outlives == Outlives::PowerCut);
            let ran = begun.and_then(|()| self.commit(std::slice::from_mut(&mut waiting)));
            match ran {
                Err(error) if is_busy(&error) => self.waiting.push(waiting),
                ran => waiting.job.answer(ran.map_err(|error| self.file.failed(error))),
            }
        }
        self.end_transaction();
    }

    fn commit(&mut self, batch: &mut [Waiting]) -> rusqlite::Result<()> {
        for waiting in batch {
            waiting.job.run(&mut self.tables)?;
        }
        self.commit.execute([]).map(drop)
    }

    /// Deletes a batch of expired rows, unless another connection has the lock.
    fn clean_up(&mut self) {
        // The next clean-up tries again. Claims tell of a file that cannot be written.
        let more = self.deleted_expired().unwrap_or(false);
        self.end_transaction();
        self.clean_up_at = after(if more { Duration::ZERO } else { CLEANUP_PAUSE });
    }

    fn deleted_expired(&mut self) -> rusqlite::Result<bool> {
        if !self.cleanup.is_due()? {
            return Ok(false);
        }
        self.begin(false)?;
        let more = self.cleanup.delete_batch()?;
        self.commit.execute([])?;
        Ok(more)
    }
}

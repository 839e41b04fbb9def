//! What the store's thread does for one call, and how the call learns the outcome.

use std::time::Instant;

use tokio::sync::oneshot;

use super::SqliteStoreError;
use super::tables::Tables;

/// A job that waits for its turn, and until when it may wait for the file's lock.
pub(super) struct Waiting {
    pub(super) job: Box<dyn Job>,
    pub(super) until: Instant,
    pub(super) outlives: Outlives,
}

/// What the outcome of a job must outlive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlives {
    /// A crash of the process. A claim that a power cut loses was a claim of a handler that the same
    /// power cut has ended. Its replay records are on the disk with the completion, because the log is
    /// written in order.
    Process,
    /// A power cut, so the commit waits for the disk.
    PowerCut,
}

/// One call of the store.
pub(super) trait Job: Send {
    /// Does the work, as a part of the open transaction, and keeps the outcome. It can be done again
    /// after the transaction was rolled back.
    fn run(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()>;

    /// Tells the caller the outcome, after the commit, or why there is none.
    fn answer(self: Box<Self>, committed: Result<(), SqliteStoreError>);

    /// Whether the caller has gone. A claim that nobody waits for would only be in the way of the
    /// sender's retry.
    fn is_abandoned(&self) -> bool;
}

pub(super) type Answer<T> = oneshot::Receiver<Result<T, SqliteStoreError>>;

/// A job, and where its outcome will be.
pub(super) fn job<T: Send + 'static>(
    work: impl FnMut(&mut Tables<'_>) -> rusqlite::Result<T> + Send + 'static,
) -> (Box<dyn Job>, Answer<T>) {
    let (caller, answer) = oneshot::channel();
    (Box::new(Call { work, outcome: None, caller }), answer)
}

struct Call<W, T> {
    work: W,
    outcome: Option<T>,
    caller: oneshot::Sender<Result<T, SqliteStoreError>>,
}

impl<W, T: Send> Job for Call<W, T>
where
    W: FnMut(&mut Tables<'_>) -> rusqlite::Result<T> + Send,
{
    fn run(&mut self, tables: &mut Tables<'_>) -> rusqlite::Result<()> {
        self.outcome = Some((self.work)(tables)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), SqliteStoreError>) {
        let Self { outcome, caller, .. } = *self;
        let answer = match (committed, outcome) {
            (Ok(()), Some(outcome)) => Ok(outcome),
            // Only what has run is committed.
            (Ok(()), None) => return,
            (Err(error), _) => Err(error),
        };
        // The caller may have gone meanwhile. It can call again with the same claim.
        let _ = caller.send(answer);
    }

    fn is_abandoned(&self) -> bool {
        self.caller.is_closed()
    }
}

//! Work in the background: one task for the handler, and one that supervises it.

use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};

use super::attempt::{Attempt, Finalization};
use super::finalize::finalize;
use crate::Rejection;
use crate::deadline::deadline;
use crate::observe::Outcome;

/// The work that leads to a response. It may move to another thread.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>> + Send>>;

/// The same for actix, where the work stays on its thread.
#[cfg(feature = "actix")]
pub(crate) type LocalWork<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>>>>;

/// Moves the work to tasks that any thread may run.
pub(super) fn spawn<T: Send + 'static>(attempt: Arc<Attempt>, work: Work<T>) {
    drop(supervised(attempt, work));
}

/// The same for work whose output someone waits for. It is `None` if the work was dropped at the
/// handler timeout.
pub(super) fn supervised<T: Send + 'static>(
    attempt: Arc<Attempt>,
    work: Work<T>,
) -> JoinHandle<Option<Result<T, Rejection>>> {
    let task = tokio::spawn(attempt.span.wrap(work));
    tokio::spawn(supervise(attempt, task))
}

/// Moves the work to tasks on this thread.
///
/// Outside a `LocalSet` tokio panics, and prints the message of the panic. The work is then dropped.
/// Its lease expires, and the sender's retry runs the handler again.
#[cfg(feature = "actix")]
pub(super) fn spawn_locally<T: 'static>(attempt: Arc<Attempt>, work: LocalWork<T>) {
    let move_work = || {
        let task = tokio::task::spawn_local(attempt.span.wrap(work));
        tokio::task::spawn_local(supervise(attempt, task));
    };
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move_work));
}

/// Supervises work in the background: renews its lease, and drops it at the handler timeout.
///
/// This is a task of its own because a handler may block its thread. Another thread then renews the
/// lease.
async fn supervise<T>(attempt: Arc<Attempt>, mut task: JoinHandle<T>) -> Option<T> {
    let times = attempt.times;
    let until_done = async {
        match select(&mut task, pin!(attempt.keep_lease())).await {
            Either::Left((output, _)) => output.ok(),
            Either::Right((_lost, task)) => task.await.ok(),
        }
    };
    let in_time = deadline(attempt.started, times.handler_timeout);
    if let Ok(output) = timeout_at(in_time, until_done).await {
        return output;
    }
    task.abort();
    // A handler that blocks its thread cannot be dropped. Its lease expires instead.
    let dropped = timeout(times.lease, task).await;
    if attempt.finalization.get().is_none() {
        attempt.observe(Outcome::HandlerTimedOut { took: attempt.started.elapsed() });
    }
    if dropped.is_ok() {
        // Changes nothing if the handler ended just now: the first finalization counts.
        finalize(&attempt, Finalization::Release).await;
    }
    dropped.ok()?.ok()
}

//! Work without a connection: a task of its own, and one that watches over it.

use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::future::{Either, select};
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};

use super::Incident;
use super::attempt::{Attempt, Finalization};
use super::finalize::finalize;
use crate::Rejection;
use crate::deadline::deadline;

/// Work on an answer. It may move to another thread.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>> + Send>>;

/// Work that stays on its thread, as in actix.
#[cfg(feature = "actix")]
pub(crate) type LocalWork<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>>>>;

pub(super) fn move_to_background<T: Send + 'static>(run: Arc<Attempt>, work: Work<T>) {
    let task = tokio::spawn(run.span.wrap(work));
    tokio::spawn(supervise(run, task));
}

/// Outside of a `LocalSet`, where tokio panics, nothing can go on: the lease lapses, a
/// retry runs. (The panic's message is printed all the same.)
#[cfg(feature = "actix")]
pub(super) fn move_to_background_locally<T: 'static>(run: Arc<Attempt>, work: LocalWork<T>) {
    let move_work = || {
        let task = tokio::task::spawn_local(run.span.wrap(work));
        tokio::task::spawn_local(supervise(run, task));
    };
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move_work));
}

/// Watches over work without a connection: renews its lease, and ends it when it
/// has run too long. Beside the work and not within, so that a handler that
/// blocks its thread from then on can keep its lease, on another thread.
async fn supervise<T>(run: Arc<Attempt>, mut task: JoinHandle<T>) {
    let options = &run.dedupe.options;
    let until_done = async {
        if let Either::Right((_lost, task)) = select(&mut task, pin!(run.keep_lease())).await {
            let _ = task.await;
        }
    };
    if timeout_at(deadline(run.started, options.handler_timeout), until_done).await.is_ok() {
        return;
    }
    task.abort();
    // A handler that blocks cannot be dropped: then the lease lapses instead.
    let dropped = timeout(options.lease, task).await.is_ok();
    if run.finalizing.get().is_none() {
        run.count(Incident::HandlerTimedOut);
    }
    if dropped {
        // What has ended in the very moment keeps the end it had.
        finalize(&run, Finalization::Release).await;
    }
}

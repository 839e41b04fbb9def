//! Work without a connection: a task of its own, and one that watches over it.

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

/// Work on an answer. It may move to another thread.
pub(crate) type Work<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>> + Send>>;

/// Work that stays on its thread, as in actix.
#[cfg(feature = "actix")]
pub(crate) type LocalWork<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>>>>;

pub(super) fn spawn<T: Send + 'static>(attempt: Arc<Attempt>, work: Work<T>) {
    let task = tokio::spawn(attempt.span.wrap(work));
    tokio::spawn(supervise(attempt, task));
}

/// Outside of a `LocalSet`, where tokio panics, nothing can go on: the lease expires, a
/// retry runs. (The panic's message is printed all the same.)
#[cfg(feature = "actix")]
pub(super) fn spawn_locally<T: 'static>(attempt: Arc<Attempt>, work: LocalWork<T>) {
    let move_work = || {
        let task = tokio::task::spawn_local(attempt.span.wrap(work));
        tokio::task::spawn_local(supervise(attempt, task));
    };
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move_work));
}

/// Watches over work without a connection: renews its lease, and ends it when it
/// has run too long. Beside the work and not within, so that a handler that
/// blocks its thread from then on can keep its lease, on another thread.
async fn supervise<T>(attempt: Arc<Attempt>, mut task: JoinHandle<T>) {
    let options = &attempt.dedupe.options;
    let until_done = async {
        if let Either::Right((_lost, task)) = select(&mut task, pin!(attempt.keep_lease())).await {
            let _ = task.await;
        }
    };
    if timeout_at(deadline(attempt.started, options.handler_timeout), until_done).await.is_ok() {
        return;
    }
    task.abort();
    // A handler that blocks cannot be dropped: then the lease expires instead.
    let dropped = timeout(options.lease, task).await.is_ok();
    if attempt.finalization.get().is_none() {
        attempt.observe(Outcome::HandlerTimedOut { took: attempt.started.elapsed() });
    }
    if dropped {
        // What has ended in the very moment keeps the end it had.
        finalize(&attempt, Finalization::Release).await;
    }
}

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout, timeout_at};

use super::Incident;
use super::run::{Run, Settlement};
use super::settle::settle;
use crate::Rejection;
use crate::deadline::deadline;
use crate::store::{Renewal, Store};

type Work<T> = Pin<Box<dyn Future<Output = Result<T, Rejection>> + Send>>;

/// Work that is polled in the connection's own task, and moves to a task of its
/// own when the connection drops it unfinished, or when its answer is due.
///
/// So a handler is never cut in half, and the ordinary delivery pays for no task,
/// and for a timer only if it has to wait.
pub(crate) struct Attached<T: Send + 'static> {
    state: State<T>,
}

enum State<T> {
    Refused(Rejection),
    Working(Working<T>),
    Done,
}

struct Working<T> {
    run: Arc<Run>,
    work: Work<T>,
    answer_by: Instant,
    /// Made when the work first has to wait.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<T: Send + 'static> Attached<T> {
    pub(super) fn new(run: Arc<Run>, work: Work<T>, answer_by: Instant) -> Self {
        let working = Working { run, work, answer_by, deadline: None };
        Self { state: State::Working(working) }
    }

    pub(super) fn refused(rejection: Rejection) -> Self {
        Self { state: State::Refused(rejection) }
    }

    fn detach(&mut self) {
        let State::Working(working) = std::mem::replace(&mut self.state, State::Done) else {
            return;
        };
        // Without a runtime nothing can go on: the lease lapses, a retry runs.
        if let Ok(runtime) = Handle::try_current() {
            working.run.count(Incident::Detached);
            runtime.spawn(supervise(working.run, working.work));
        }
    }
}

impl<T: Send + 'static> Future for Attached<T> {
    type Output = Result<T, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let output = match &mut self.state {
            State::Refused(rejection) => Err(rejection.clone()),
            State::Working(working) => ready!(working.poll(context)).unwrap_or_else(|| {
                self.detach();
                Err(Rejection::StillProcessing)
            }),
            State::Done => return Poll::Pending,
        };
        self.state = State::Done;
        Poll::Ready(output)
    }
}

impl<T> Working<T> {
    /// The work's output, or `None` when the answer is due before it.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, Rejection>>> {
        if let Poll::Ready(output) = self.work.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        // The handler has answered, and its end is being recorded: that answer
        // is worth the moment it takes.
        if self.run.settling.get().is_some() {
            return Poll::Pending;
        }
        let answer_by = self.answer_by;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep_until(answer_by)));
        deadline.as_mut().poll(context).map(|()| None)
    }
}

impl<T: Send + 'static> Drop for Attached<T> {
    fn drop(&mut self) {
        self.detach();
    }
}

/// Watches over work without a connection: renews its lease, and ends it when it
/// has run too long. Beside the work and not within, so that a handler that
/// blocks its thread from then on can keep its lease, on another thread.
async fn supervise<T: Send + 'static>(run: Arc<Run>, work: Work<T>) {
    let options = &run.dedupe.options;
    let mut task = tokio::spawn(run.span.wrap(work));
    let renew_until_done = async {
        let mut held = true;
        while timeout(options.lease / 3, &mut task).await.is_err() {
            held = held && run.renew().await;
        }
    };
    if timeout_at(deadline(run.started, options.max_run), renew_until_done).await.is_ok() {
        return;
    }
    task.abort();
    // A handler that blocks cannot be dropped: then the lease lapses instead.
    let dropped = timeout(options.lease, task).await.is_ok();
    if run.settling.get().is_none() {
        run.count(Incident::RanTooLong);
    }
    if dropped {
        // What has ended in the very moment keeps the end it had.
        settle(&run, Settlement::Release).await;
    }
}

impl Run {
    /// Whether it is worth renewing again: a store that fails may recover, a
    /// lost lease does not come back.
    async fn renew(&self) -> bool {
        let Some(claim) = self.claim.get() else {
            return true;
        };
        let renewal = self.dedupe.store.renew(claim);
        match timeout(self.dedupe.options.store_timeout, renewal).await {
            Ok(Ok(Renewal::Lost)) if self.settling.get().is_none() => {
                self.count(Incident::LeaseLost);
                false
            }
            _ => true,
        }
    }
}

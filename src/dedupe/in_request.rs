use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

use super::attempt::Attempt;
use crate::Rejection;
use crate::observe::BackgroundCause;

/// Work that runs in the connection's task. It moves to the background when the connection drops it
/// unfinished, and at the response deadline.
///
/// Therefore no handler is dropped halfway. An ordinary delivery needs no task of its own, and needs
/// a timer only if it has to wait.
pub(crate) struct InRequest<W> {
    state: State<W>,
}

enum State<W> {
    Rejected(Rejection),
    Working(Working<W>),
    Done,
}

struct Working<W> {
    attempt: Arc<Attempt>,
    work: W,
    to_background: ToBackground<W>,
    respond_by: Instant,
    /// Created when the work first has to wait.
    deadline: Option<Pin<Box<Sleep>>>,
}

/// A function that moves work to the background: [`spawn`](super::background::spawn), or for actix
/// `spawn_locally`.
type ToBackground<W> = fn(Arc<Attempt>, W);

impl<W> InRequest<W> {
    pub(super) fn new(
        attempt: Arc<Attempt>,
        work: W,
        to_background: ToBackground<W>,
        respond_by: Instant,
    ) -> Self {
        let working = Working { attempt, work, to_background, respond_by, deadline: None };
        Self { state: State::Working(working) }
    }

    pub(super) fn rejected(rejection: Rejection) -> Self {
        Self { state: State::Rejected(rejection) }
    }

    fn move_to_background(&mut self, cause: BackgroundCause) {
        let State::Working(working) = std::mem::replace(&mut self.state, State::Done) else {
            return;
        };
        // Without a runtime the work is dropped. Its lease expires, and the sender's retry runs the
        // handler again.
        if Handle::try_current().is_ok() {
            working.attempt.moves_to_background(cause);
            (working.to_background)(working.attempt, working.work);
        }
    }
}

impl<T, W> Future for InRequest<W>
where
    W: Future<Output = Result<T, Rejection>> + Unpin,
{
    type Output = Result<T, Rejection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let output = match &mut self.state {
            State::Rejected(rejection) => Err(rejection.clone()),
            State::Working(working) => {
                if let Some(output) = ready!(working.poll(context)) {
                    output.inspect_err(|rejection| working.attempt.rejected(rejection))
                } else {
                    self.move_to_background(BackgroundCause::ResponseDue);
                    Err(Rejection::StillProcessing)
                }
            }
            State::Done => return Poll::Pending,
        };
        self.state = State::Done;
        Poll::Ready(output)
    }
}

impl<W> Working<W> {
    /// The work's output, or `None` if the response deadline passes first.
    fn poll<T>(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, Rejection>>>
    where
        W: Future<Output = Result<T, Rejection>> + Unpin,
    {
        if let Poll::Ready(output) = Pin::new(&mut self.work).poll(context) {
            return Poll::Ready(Some(output));
        }
        // The handler has responded, and the store is recording the end. Wait for that, otherwise
        // the sender would get 503 in place of the handler's response.
        if self.attempt.finalization.get().is_some() {
            return Poll::Pending;
        }
        let respond_by = self.respond_by;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep_until(respond_by)));
        // A timer is silent while the task's budget is used up, as by a handler that computes for long.
        pin!(unconstrained(deadline.as_mut())).poll(context).map(|()| None)
    }
}

impl<W> Drop for InRequest<W> {
    fn drop(&mut self) {
        self.move_to_background(BackgroundCause::ClientLeft);
    }
}

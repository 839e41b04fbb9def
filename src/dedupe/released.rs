use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use super::attempt::{Attempt, Finalization};
use super::finalize::finalize;
use crate::Rejection;
use crate::panic::catch;

pin_project! {
    /// Work whose claim is released if the work itself panics, otherwise the retry would have to wait
    /// for the lease. The panic came from this crate, because panics of handlers, stores and observers
    /// are caught.
    ///
    /// The release is boxed when it is needed, so that the work holds no room for it.
    pub(super) struct ReleasedOnPanic<W> {
        attempt: Arc<Attempt>,
        #[pin]
        work: W,
        release: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    }
}

impl<W> ReleasedOnPanic<W> {
    pub(super) fn new(attempt: Arc<Attempt>, work: W) -> Self {
        Self { attempt, work, release: None }
    }
}

impl<T, W: Future<Output = Result<T, Rejection>>> Future for ReleasedOnPanic<W> {
    type Output = Result<T, Rejection>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.release.is_none()
            && let Some(poll) = catch(|| this.work.poll(context))
        {
            return poll;
        }
        let release = this.release.get_or_insert_with(|| {
            let attempt = Arc::clone(this.attempt);
            Box::pin(async move {
                let _ = finalize(&attempt, Finalization::Release).await;
            })
        });
        ready!(release.as_mut().poll(context));
        Poll::Ready(Err(Rejection::HandlerPanicked))
    }
}

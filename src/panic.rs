//! Contains panics of handlers, stores and observers.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

/// The function's result, or `None` if it panicked. The caller must not look again at what the
/// function may have left half-changed.
pub(crate) fn catch<T>(function: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(function)).map_err(drop_payload).ok()
}

/// The future's output, or `None` if the future panicked. A future that panicked is not polled
/// again, so nothing sees the state that the panic left half-changed.
pub(crate) fn catch_panic<F: Future>(future: F) -> CatchPanic<F> {
    CatchPanic { future }
}

pin_project! {
    /// The future of [`catch_panic`]. As an `async fn` it would hold the inner future twice.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct CatchPanic<F> {
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for CatchPanic<F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match catch(|| self.project().future.poll(context)) {
            Some(poll) => poll.map(Some),
            None => Poll::Ready(None),
        }
    }
}

/// Drops the payload of a panic. If dropping panics as well, the second payload is leaked:
/// otherwise each payload could panic with another one, without end.
fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

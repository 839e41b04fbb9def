//! Contains panics of handlers, stores and observers.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The future's output, or `None` if the future panicked. A future that panicked is not polled
/// again, so nothing sees the state that the panic left half-changed.
pub(crate) async fn catch_panic<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        let poll = AssertUnwindSafe(|| future.as_mut().poll(context));
        match catch_unwind(poll) {
            Ok(poll) => poll.map(Some),
            Err(payload) => {
                drop_payload(payload);
                Poll::Ready(None)
            }
        }
    })
    .await
}

/// Drops the payload of a panic. If dropping panics as well, the second payload is leaked:
/// otherwise each payload could panic with another one, without end.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

//! Keeps a panic from taking more with it than it must.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The future's output, or `None` if it panicked. It is not polled again then,
/// so nothing can see what the panic left half-done.
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

/// Drops what a panic carried. If that panics again, the second payload is leaked, or
/// dropping it could go on without end.
pub(crate) fn drop_payload(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

use std::time::Duration;
#[cfg(any(feature = "tower", feature = "actix"))]
use std::{future::poll_fn, task::Poll};

#[cfg(any(feature = "tower", feature = "actix"))]
use futures_util::FutureExt;
use tokio::time::Instant;
#[cfg(any(feature = "tower", feature = "actix"))]
use tokio::time::timeout;

/// A duration that no process outlives, and that can be added and multiplied without overflow.
pub(crate) const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The moment `after` from `start`, at most [`NEVER`] away. Callers may pass `Duration::MAX` for
/// "never", which no clock can add.
pub(crate) fn deadline(start: Instant, after: Duration) -> Instant {
    start.checked_add(after.min(NEVER)).unwrap_or(start)
}

/// The future's output, or `None` if it is not ready within the limit.
///
/// The limit counts from the moment when the future first has to wait. A future that is ready at
/// once, such as a call of a store in memory, needs neither a timer nor the clock. A timer is boxed,
/// so that the callers' futures hold no room for one that is rarely needed.
#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) async fn within<F>(limit: Duration, mut future: F) -> Option<F::Output>
where
    F: Future + Unpin,
{
    let at_once = poll_fn(|context| Poll::Ready(future.poll_unpin(context)));
    match at_once.await {
        Poll::Ready(output) => Some(output),
        Poll::Pending => Box::pin(timeout(limit, future)).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_beyond_the_life_of_a_process() {
        let now = Instant::now();
        assert_eq!(deadline(now, Duration::MAX), now + NEVER);
        assert!(NEVER > Duration::from_secs(29 * 365 * 86_400));
    }
}

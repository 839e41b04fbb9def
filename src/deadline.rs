use std::time::Duration;
#[cfg(any(feature = "tower", feature = "actix"))]
use std::{future::poll_fn, task::Poll};

#[cfg(any(feature = "tower", feature = "actix", feature = "redis"))]
use futures_util::FutureExt;
use tokio::time::Instant;
#[cfg(any(feature = "tower", feature = "actix", feature = "redis"))]
use tokio::{task::yield_now, time::timeout_at};

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
        Poll::Pending => Box::pin(by(deadline(Instant::now(), limit), future)).await,
    }
}

/// The future's output, or `None` if it is not ready by then.
///
/// When a blocked thread or a stopped process goes on, the answers of the time in between are there,
/// and their deadlines are over too. So the tasks that read the answers run once more before a
/// deadline counts.
#[cfg(any(feature = "tower", feature = "actix", feature = "redis"))]
pub(crate) async fn by<F>(deadline: Instant, mut future: F) -> Option<F::Output>
where
    F: Future + Unpin,
{
    if let Ok(output) = timeout_at(deadline, &mut future).await {
        return Some(output);
    }
    yield_now().await;
    future.now_or_never()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "tower", feature = "actix"))]
    #[tokio::test]
    async fn an_answer_that_came_while_the_thread_was_blocked_counts() {
        let (answer, answered) = tokio::sync::oneshot::channel();
        let waits = tokio::spawn(within(Duration::from_millis(20), answered));
        yield_now().await; // It waits.
        std::thread::sleep(Duration::from_millis(50));
        // Runs after the task that waits, whose timer is due.
        tokio::spawn(async move {
            yield_now().await;
            answer.send(7).expect("awaited");
        });
        assert_eq!(waits.await.expect("no panic"), Some(Ok(7)));
    }

    #[cfg(any(feature = "tower", feature = "actix"))]
    #[tokio::test]
    async fn a_limit_is_kept() {
        let never = std::future::pending::<()>();
        assert_eq!(within(Duration::from_millis(20), never).await, None);
    }

    #[test]
    fn never_is_beyond_the_life_of_a_process() {
        let now = Instant::now();
        assert_eq!(deadline(now, Duration::MAX), now + NEVER);
        assert!(NEVER > Duration::from_secs(29 * 365 * 86_400));
    }
}

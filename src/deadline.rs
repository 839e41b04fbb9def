use std::time::Duration;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue", feature = "redis"))]
use std::{future::poll_fn, task::Poll};

#[cfg(any(feature = "tower", feature = "actix", feature = "queue", feature = "redis"))]
use futures_util::FutureExt;
use tokio::time::Instant;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue", feature = "redis"))]
use tokio::time::timeout_at;

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
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
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
/// and their deadlines are over too. So the tasks that read the answers run first before a deadline
/// counts. Three times, because one that reads may itself let others run first.
#[cfg(any(feature = "tower", feature = "actix", feature = "queue", feature = "redis"))]
pub(crate) async fn by<F>(deadline: Instant, mut future: F) -> Option<F::Output>
where
    F: Future + Unpin,
{
    if let Ok(output) = timeout_at(deadline, &mut future).await {
        return Some(output);
    }
    for _ in 0..3 {
        let_others_run().await;
        if let Some(output) = (&mut future).now_or_never() {
            return Some(output);
        }
    }
    None
}

/// Lets all tasks that are ready run before this one.
///
/// The task wakes itself, and goes to the end of the queue. Tokio's `yield_now` would leave it with its
/// thread, where no other thread could take it over: a handler that blocks that thread would hold it up.
#[cfg(any(feature = "tower", feature = "actix", feature = "queue", feature = "redis"))]
pub(crate) async fn let_others_run() {
    let mut woken = false;
    poll_fn(|context| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    use tokio::task::yield_now;

    use super::*;

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
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

    /// Another thread takes over, which was busy until the handler began.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_handler_that_blocks_its_thread_does_not_hold_up_who_let_it_run() {
        let (begins, begun) = std::sync::mpsc::channel();
        let (over, waits) = std::sync::mpsc::channel();
        let (tell, told) = tokio::sync::oneshot::channel();
        tokio::spawn(async move { begun.recv() });
        tokio::spawn(async move {
            let handler = async move {
                begins.send(()).expect("the other thread waits");
                waits.recv_timeout(Duration::from_secs(5))
            };
            tell.send(tokio::spawn(handler)).expect("the test listens");
            // Runs right after this task, on the same thread, and before the handler.
            tokio::spawn(async move {
                let_others_run().await;
                over.send(()).expect("the handler waits");
            });
        });
        let handler = told.await.expect("no panic");
        assert_eq!(handler.await.expect("no panic"), Ok(()));
    }

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
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

//! The task that sends and receives on a connection: it sends the commands of many callers in
//! one write.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinSet;

/// Runs a driver in a task that ends with the last clone of this handle.
///
/// All users of the connection hold a clone while they wait for an answer, and its owner holds
/// one.
pub(super) fn spawn(driver: impl Future<Output = ()> + Send + 'static) -> Arc<JoinSet<()>> {
    Arc::new_cyclic(|clones| {
        let clones = clones.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(batching(driver, move || clones.strong_count() > 2));
        tasks
    })
}

/// Lets all tasks that are ready run before the driver, while several callers wait.
///
/// Tokio runs a task right after the one that woke it. The driver would send each command on its
/// own, and a write costs more than all other work for a command. A single caller has nobody to
/// share a write with, so its command is not held up.
///
/// The driver wakes itself, as in [`let_others_run`](crate::deadline::let_others_run), and not by `yield_now`:
/// a handler that blocks the driver's thread would silence the store.
async fn batching(driver: impl Future<Output = ()>, several_wait: impl Fn() -> bool) {
    let mut driver = pin!(driver);
    let mut yielded = false;
    poll_fn(|context| {
        yielded = !yielded && several_wait();
        if yielded {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        driver.as_mut().poll(context)
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use tokio::sync::{mpsc, oneshot};
    use tokio::task::yield_now;

    use super::*;

    const COMMANDS: usize = 10;

    /// Returns how many writes the commands of tasks that are ready at once take.
    async fn writes(several: bool) -> usize {
        let (commands, mut queue) = mpsc::channel::<()>(COMMANDS);
        let (wrote, mut writes) = mpsc::unbounded_channel();
        let (waits, waiting) = oneshot::channel();
        let driver = async move {
            let mut batch = Vec::new();
            waits.send(()).expect("the test listens");
            while queue.recv_many(&mut batch, COMMANDS).await > 0 {
                wrote.send(batch.len()).expect("the test listens");
                batch.clear();
            }
        };
        let tasks = async move {
            tokio::spawn(batching(driver, move || several));
            waiting.await.expect("the driver runs");
            // Tokio lets only three tasks in a row run out of turn, and this one just did.
            yield_now().await;
            for _ in 0..COMMANDS {
                let commands = commands.clone();
                tokio::spawn(async move { commands.send(()).await.expect("the driver runs") });
            }
        };
        tokio::spawn(tasks).await.expect("no panic");
        let mut count = 0;
        while writes.recv().await.is_some() {
            count += 1;
        }
        count
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn commands_of_several_callers_share_a_write() {
        assert_eq!(writes(true).await, 1);
        assert!(writes(false).await > 1, "the test shows nothing");
    }

    /// The owner and one caller hold a clone each. From the second caller on, tasks that are ready
    /// run first.
    #[tokio::test]
    async fn a_single_caller_is_not_held_up() {
        for (clones, expected) in [(1, ["driver", "task"]), (2, ["task", "driver"])] {
            let order = Arc::new(Mutex::new(Vec::new()));
            let note = |name| {
                let order = Arc::clone(&order);
                async move { order.lock().expect("no panic").push(name) }
            };
            let owner = spawn(note("driver"));
            let _callers = vec![Arc::clone(&owner); clones];
            tokio::spawn(note("task"));
            while order.lock().expect("no panic").len() < 2 {
                yield_now().await;
            }
            assert_eq!(*order.lock().expect("no panic"), expected, "{clones} callers");
        }
    }

    /// Another thread takes over.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_handler_that_blocks_its_thread_does_not_silence_the_driver() {
        for _ in 0..20 {
            let (ran, waits) = std::sync::mpsc::channel();
            let (tell, told) = oneshot::channel();
            tokio::spawn(async move {
                let blocks = async move { waits.recv_timeout(Duration::from_secs(20)) };
                tell.send(tokio::spawn(blocks)).expect("the test listens");
                // Runs right after this task, on the same thread, and before the handler.
                let driver = async move { ran.send(()).expect("the handler waits") };
                tokio::spawn(batching(driver, || true));
            });
            let handler = told.await.expect("no panic");
            assert_eq!(handler.await.expect("no panic"), Ok(()));
        }
    }
}

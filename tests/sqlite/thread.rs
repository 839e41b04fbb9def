//! The store's thread lives as long as the store.

use std::time::{Duration, Instant};

use nevent_webhooks::store::Store;

use crate::support::{Directory, PATIENCE, claim};

/// The connection is closed with the thread, and SQLite removes the log with the last connection.
fn has_a_connection(directory: &Directory) -> bool {
    directory.path().join("shop.db-wal").exists()
}

#[tokio::test]
async fn the_thread_ends_with_the_last_clone_of_the_store() {
    let directory = Directory::new();
    let store = directory.store().await;
    let clone = store.clone();
    drop(store);
    clone.claim(&claim("d")).await.expect("the thread works for the clone");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(has_a_connection(&directory));
    drop(clone);
    let begun = Instant::now();
    while has_a_connection(&directory) {
        assert!(begun.elapsed() < PATIENCE, "the thread lives on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A store that is dropped while it waits for the lock does not wait for ever.
#[tokio::test]
async fn the_thread_ends_while_the_lock_is_held() {
    let directory = Directory::new();
    let store = directory.store().await;
    let connection = directory.connection();
    connection.execute_batch("BEGIN IMMEDIATE").expect("a file");
    let one = claim("d");
    let waits = tokio::time::timeout(Duration::from_millis(50), store.claim(&one));
    waits.await.expect_err("the lock is held");
    drop(store);
    connection.execute_batch("COMMIT").expect("a transaction");
    drop(connection);
    let begun = Instant::now();
    while has_a_connection(&directory) {
        assert!(begun.elapsed() < PATIENCE, "the thread lives on");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The futures need no runtime of a certain kind.
#[test]
fn the_store_works_without_tokio() {
    let directory = Directory::new();
    let answer = futures_util::future::FutureExt::boxed(async {
        let store = directory.store().await;
        store.claim(&claim("d")).await
    });
    let answer = pollster(answer);
    answer.expect("a file");
}

/// Polls a future on this thread alone.
fn pollster<T>(mut future: std::pin::Pin<Box<dyn Future<Output = T> + Send + '_>>) -> T {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}

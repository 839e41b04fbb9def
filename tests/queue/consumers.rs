//! From the sender to the worker: however many copies the queue has, the worker handles one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nevent_webhooks::queue::{Envelope, Handled, Once};

use crate::receiver::Receiver;
use crate::support::work::event;
use crate::support::{Adapter, Post, rows};
use crate::test_queue::Broker;

rows!(
    q09_copies_of_an_entry_are_handled_once,
    q09_two_consumers_at_once_handle_an_entry_once,
    q09_the_entries_of_two_receivers_are_apart,
    q10_unreadable_parts_are_entries_of_their_own,
);

/// A worker that counts what it handles.
#[derive(Clone, Default)]
struct Worker(Arc<AtomicUsize>);

impl Worker {
    async fn handle(&self, once: &Once, entry: &Envelope) -> Handled<(), String> {
        let runs = Arc::clone(&self.0);
        let handler = move |_, _| async move {
            runs.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(())
        };
        once.event(entry, handler).await
    }

    fn runs(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// The consumer has the receiver's store and its scope, where the record of the delivery is completed.
async fn q09_copies_of_an_entry_are_handled_once(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.queue.is_now(Broker::LosesItsAnswer);
    let post = Post::new("d-1").body(event("evt_1"));
    receiver.deliver(&post).await.is(503, "Try again later");
    receiver.queue.is_now(Broker::Confirms);
    receiver.deliver(&post).await.is(200, "");
    let by_batch = Post::new("d-2").body(format!("[{}]", event("evt_1")));
    receiver.deliver(&by_batch).await.is(200, "");
    assert_eq!(receiver.queue.ids(), ["evt_1"; 3]);

    let once = Once::new("tickets", receiver.store()).expect("the receiver's scope");
    let worker = Worker::default();
    let mut ends = Vec::new();
    for entry in receiver.queue.entries() {
        ends.push(worker.handle(&once, &entry).await);
    }
    assert_eq!(ends, [Handled::Done(()), Handled::AlreadyDone, Handled::AlreadyDone]);
    assert_eq!(worker.runs(), 1);
}

async fn q09_two_consumers_at_once_handle_an_entry_once(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    let entry = receiver.queue.entries().pop().expect("an entry");
    let consumer = || Once::new("tickets", receiver.store()).expect("a scope");
    let (one, other, worker) = (consumer(), consumer(), Worker::default());
    let (first, second) = tokio::join!(worker.handle(&one, &entry), worker.handle(&other, &entry));
    assert_eq!(worker.runs(), 1);
    assert!(first.is_done() || second.is_done());
    assert!(worker.handle(&one, &entry).await.is_done());
    assert_eq!(worker.runs(), 1);
}

/// Two senders may give the same id. One of them could otherwise use up the ids of the other.
async fn q09_the_entries_of_two_receivers_are_apart(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.deliver(&Post::new("d-1")).await.is(200, "");
    let entry = receiver.queue.entries().pop().expect("an entry");
    assert_eq!(entry.endpoint(), Some("tickets"));
    let json = entry.to_json().replace(r#""endpoint":"tickets""#, r#""endpoint":"shop""#);
    let of_another = Envelope::from_json(json).expect("an entry");
    let once = Once::new("jobs", receiver.store()).expect("a scope");
    let worker = Worker::default();
    for entry in [&entry, &of_another, &entry, &of_another] {
        assert!(worker.handle(&once, entry).await.is_done());
    }
    assert_eq!(worker.runs(), 2);
}

/// They all have the id of the delivery.
async fn q10_unreadable_parts_are_entries_of_their_own(adapter: Adapter) {
    let receiver = Receiver::on(adapter).await;
    receiver.deliver(&Post::new("d-1").body("[7,7,7]")).await.is(200, "");
    let once = Once::new("tickets", receiver.store()).expect("a scope");
    let worker = Worker::default();
    for _ in 0..2 {
        for entry in receiver.queue.entries() {
            assert!(worker.handle(&once, &entry).await.is_done());
        }
    }
    assert_eq!(worker.runs(), 3);
}

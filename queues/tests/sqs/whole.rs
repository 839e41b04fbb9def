//! The hand-over and the work, end to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::sqs::SqsWorker;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::server::Server;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Seen, Work, sender};

#[tokio::test]
async fn what_is_handed_over_is_handled_once() {
    let server = Server::shared().await;
    let options = server.options("whole").await;
    let sender = sender(&options).await;
    for sent in [Sent::single(1), Sent::batch(0), Sent::batch(1)] {
        sender.deliver(&sent).await;
    }
    let work = Work::start(&options, |_| false).await;
    let mut expected = Sent::single(1).events;
    expected.extend((0..15).map(|number| format!("evt_batch_{number}")));
    expected.sort();
    eventually("all are handled", async || work.count() >= expected.len()).await;
    eventually("and deleted", async || server.messages("whole").await == 0).await;
    assert_eq!(work.ids(), expected);
    work.stop().await;
}

#[tokio::test]
async fn a_failed_entry_is_tried_again_after_growing_delays() {
    let server = Server::shared().await;
    let first = Duration::from_secs(1);
    let options = server.options("retry").await.retry(RetryPolicy::new().first(first).attempts(3));
    let sender = sender(&options).await;
    let work = Work::start(&options, |attempt| attempt < 3).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("the last attempt", async || work.count() == 3).await;
    let times: Vec<_> = work.seen.lock().expect("no panic").iter().map(|(_, at)| *at).collect();
    for (pair, doublings) in times.windows(2).zip(0..) {
        let (waited, least) = (pair[1] - pair[0], first * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    eventually("nothing stays", async || server.messages("retry").await == 0).await;
    work.stop().await;
}

/// The other worker has a store of its own, so it would handle the entry if it came there.
#[tokio::test]
async fn a_handler_that_takes_longer_than_the_visibility_timeout_keeps_its_entry() {
    let server = Server::shared().await;
    let visibility = Duration::from_secs(2);
    let options = server.options("long").await.visibility(visibility);
    sender(&options).await.deliver(&Sent::single(1)).await;
    let worker = SqsWorker::connect(&options).await.expect("a server");
    let once = Once::new("work", MemoryStore::new()).expect("safe options");
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Notify::new());
    let handler = {
        let begun = Arc::clone(&begun);
        move |_: Envelope, _: ClaimHandle| {
            begun.fetch_add(1, Ordering::Relaxed);
            sleep(visibility * 3).map(Ok::<_, String>)
        }
    };
    let other = async {
        eventually("it has begun", async || begun.load(Ordering::Relaxed) > 0).await;
        let other = Work::start(&options, |_| false).await;
        eventually("it is deleted", async || server.messages("long").await == 0).await;
        ended.notify_one();
        assert_eq!(other.count(), 0);
        other.stop().await;
    };
    tokio::join!(worker.run(&once, handler, ended.notified()), other);
    assert_eq!(begun.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_worker_that_stops_ends_what_it_has_begun() {
    let server = Server::shared().await;
    let options = server.options("stop").await.concurrency(2);
    let sender = sender(&options).await;
    for number in 0..3 {
        sender.deliver(&Sent::batch(number * 2)).await;
    }
    let first = Work::start(&options, |_| false).await;
    eventually("some are handled", async || first.count() >= 4).await;
    let seen = first.seen.clone();
    first.stop().await;
    let mut handled = ids(&seen);
    assert!(handled.len() < 30, "there was no time for all");

    // It has a store of its own, so it would handle again what was not deleted.
    let second = Work::start(&options, |_| false).await;
    eventually("nothing stays", async || server.messages("stop").await == 0).await;
    let seen = second.seen.clone();
    second.stop().await;
    handled.extend(ids(&seen));
    handled.sort();
    let mut all: Vec<_> = (0..30).map(|number| format!("evt_batch_{number}")).collect();
    all.sort();
    assert_eq!(handled, all);
}

fn ids(seen: &Seen) -> Vec<String> {
    seen.lock().expect("no panic").iter().map(|(id, _)| id.clone()).collect()
}

//! The hand-over and the work, end to end.

use std::time::Duration;

use nevent_webhooks::store::SqliteStore;
use nevent_webhooks_queues::RetryPolicy;

use crate::broker::Broker;
use crate::support::directory::Directory;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Seen, Work, sender};

#[tokio::test]
async fn what_is_handed_over_is_handled_once() {
    let broker = Broker::shared().await;
    let options = broker.options("whole");
    let sender = sender(&options).await;
    for sent in [Sent::single(1), Sent::batch(0), Sent::batch(1)] {
        sender.deliver(&sent).await;
    }
    let work = Work::start(&options, |_| false).await;
    let mut expected = Sent::single(1).events;
    expected.extend((0..15).map(|number| format!("evt_batch_{number}")));
    expected.sort();
    eventually("all are handled", async || work.count() >= expected.len()).await;
    assert_eq!(work.ids(), expected);
    work.stop().await;
}

#[tokio::test]
async fn a_failed_entry_is_tried_again_after_growing_delays() {
    let broker = Broker::shared().await;
    let first = Duration::from_millis(300);
    let options = broker.options("retry").retry(RetryPolicy::new().first(first).attempts(4));
    let sender = sender(&options).await;
    let work = Work::start(&options, |attempt| attempt < 4).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("the last attempt", async || work.count() == 4).await;
    let times: Vec<_> = work.seen.lock().expect("no panic").iter().map(|(_, at)| *at).collect();
    for (pair, doublings) in times.windows(2).zip(0..) {
        let (waited, least) = (pair[1] - pair[0], first * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    work.stop().await;
}

#[tokio::test]
async fn a_worker_that_stops_ends_what_it_has_begun() {
    let broker = Broker::shared().await;
    let options = broker.options("stop").concurrency(2);
    let sender = sender(&options).await;
    for number in 0..3 {
        sender.deliver(&Sent::batch(number * 2)).await;
    }
    // A receiver that was slow has put some twice.
    let directory = Directory::new();
    let file = directory.file("store.db");
    let store = async || SqliteStore::open(&file).await.expect("a file");
    let first = Work::with(&options, store().await, |_| {}, |_| false).await;
    eventually("some are handled", async || first.count() >= 4).await;
    let seen = first.seen.clone();
    first.stop().await;
    let mut handled = ids(&seen);
    assert!(handled.len() < 30, "there was no time for all");

    let second = Work::with(&options, store().await, |_| {}, |_| false).await;
    let rest = 30 - handled.len();
    eventually("the rest is handled", async || second.count() >= rest).await;
    let seen = second.seen.clone();
    second.stop().await;
    handled.extend(ids(&seen));
    handled.sort();
    let mut all: Vec<_> = (0..30).map(|number| format!("evt_batch_{number}")).collect();
    all.sort();
    assert_eq!(handled, all);

    // The third has a store of its own, so it would handle an entry again that was not committed.
    sender.deliver(&Sent::single(1)).await;
    let third = Work::start(&options.concurrency(1), |_| false).await;
    eventually("the last is handled", async || third.ids().last() == Some(&last())).await;
    assert_eq!(third.ids(), [last()]);
    third.stop().await;
}

fn last() -> String {
    "evt_single_1".to_owned()
}

fn ids(seen: &Seen) -> Vec<String> {
    seen.lock().expect("no panic").iter().map(|(id, _)| id.clone()).collect()
}

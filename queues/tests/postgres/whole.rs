//! The hand-over and the work, end to end.

use std::time::Duration;

use nevent_webhooks_queues::RetryPolicy;

use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Scene, Seen, Work};

#[tokio::test]
async fn what_is_handed_over_is_handled_once() {
    let scene = Scene::new().await;
    let sender = scene.sender().await;
    for sent in [Sent::single(1), Sent::batch(0), Sent::batch(1)] {
        sender.deliver(&sent).await;
    }
    let mut expected = Sent::single(1).events;
    expected.extend((0..15).map(|number| format!("evt_batch_{number}")));
    expected.sort();
    assert_eq!(scene.count("true").await, 16, "an event of two batches is one entry");
    let work = Work::start(&scene.options, |_| false).await;
    eventually("all are handled", async || work.count() >= expected.len()).await;
    assert_eq!(work.ids(), expected);
    work.stop().await;
    assert_eq!(scene.count("true").await, 0, "the rows are deleted");
}

#[tokio::test]
async fn a_worker_is_woken_when_an_entry_is_put() {
    let scene = Scene::new().await;
    // It would not find the entry in time by asking.
    let options = scene.options.clone().poll_every(Duration::from_secs(3_600));
    let work = Work::start(&options, |_| false).await;
    let sender = scene.sender().await;
    for (number, sent) in (0..3).map(Sent::single).enumerate() {
        sender.deliver(&sent).await;
        eventually("it is handled", async || work.count() == number + 1).await;
    }
    work.stop().await;
}

#[tokio::test]
async fn a_worker_finds_entries_without_being_woken() {
    let scene = Scene::new().await;
    let options = scene.options.clone().listen(false).poll_every(Duration::from_millis(20));
    let work = Work::start(&options, |_| false).await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;
    work.stop().await;
}

#[tokio::test]
async fn a_failed_entry_is_tried_again_after_growing_delays() {
    let scene = Scene::new().await;
    let first = Duration::from_millis(300);
    let options = scene.options.clone().retry(RetryPolicy::new().first(first).attempts(4));
    let options = options.poll_every(Duration::from_millis(20));
    let work = Work::start(&options, |attempt| attempt < 4).await;
    scene.sender().await.deliver(&Sent::single(1)).await;
    eventually("the last attempt", async || work.count() == 4).await;
    let times: Vec<_> = work.seen.lock().expect("no panic").iter().map(|(_, at)| *at).collect();
    for (pair, doublings) in times.windows(2).zip(0..) {
        let (waited, least) = (pair[1] - pair[0], first * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    work.stop().await;
    assert_eq!(scene.count("true").await, 0);
}

#[tokio::test]
async fn a_worker_that_stops_ends_what_it_has_begun() {
    let scene = Scene::new().await;
    let options = scene.options.clone().concurrency(2);
    let sender = scene.sender().await;
    for number in 0..3 {
        sender.deliver(&Sent::batch(number * 2)).await;
    }
    let first = Work::start(&options, |_| false).await;
    eventually("some are handled", async || first.count() >= 4).await;
    let seen = first.seen.clone();
    first.stop().await;
    let mut handled = ids(&seen);
    assert!(handled.len() < 30, "there was no time for all");
    assert_eq!(scene.count("lease IS NOT NULL").await, 0, "none is left to its lease");

    // The others have stores of their own, so they would handle again what was not deleted.
    let second = Work::start(&options, |_| false).await;
    let rest = 30 - handled.len();
    eventually("the rest is handled", async || second.count() >= rest).await;
    let seen = second.seen.clone();
    second.stop().await;
    handled.extend(ids(&seen));
    handled.sort();
    let mut all: Vec<_> = (0..30).map(|number| format!("evt_batch_{number}")).collect();
    all.sort();
    assert_eq!(handled, all);
    assert_eq!(scene.count("true").await, 0);
}

fn ids(seen: &Seen) -> Vec<String> {
    seen.lock().expect("no panic").iter().map(|(id, _)| id.clone()).collect()
}

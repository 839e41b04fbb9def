//! The hand-over and the work, end to end.

use std::sync::Arc;
use std::time::Duration;

use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::nats::NatsOptions;
use tokio::sync::Semaphore;

use crate::broker::Broker;
use crate::support::eventually;
use crate::support::sender::Sent;
use crate::work::{Seen, Work, sender};

#[tokio::test]
async fn what_is_handed_over_is_handled_once_and_deleted() {
    let broker = Broker::shared().await;
    let options = broker.options("whole");
    let sender = sender(&options).await;
    for sent in [Sent::single(1), Sent::batch(0), Sent::batch(1)] {
        sender.deliver(&sent).await;
    }
    assert!(broker.messages("whole").await >= 16);
    let work = Work::start(&options, |_| false).await;
    let mut expected = Sent::single(1).events;
    expected.extend((0..15).map(|number| format!("evt_batch_{number}")));
    expected.sort();
    eventually("all are handled", async || work.count() >= expected.len()).await;
    eventually("all are deleted", async || broker.messages("whole").await == 0).await;
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
        // The times are those at which the handler ended, and rounded to milliseconds.
        let (waited, least) = (pair[1] - pair[0], first * 2_u32.pow(doublings));
        assert!(waited >= least, "{waited:?} instead of {least:?}");
    }
    eventually("it is deleted", async || broker.messages("retry").await == 0).await;
    work.stop().await;
}

/// Entries that wait for their next attempt are unacknowledged all the time.
#[tokio::test]
async fn entries_that_wait_hold_up_no_others() {
    let broker = Broker::shared().await;
    let retry = RetryPolicy::new().first(Duration::from_secs(600)).attempts(2);
    let options = broker.options("waiting").retry(retry).concurrency(2);
    let sender = sender(&options).await;
    for number in 0..3 {
        sender.deliver(&Sent::batch(number * 2)).await;
    }
    let work = Work::start(&options, |_| true).await;
    eventually("all have failed", async || work.count() == 30).await;
    assert_eq!(work.ids().len(), 30);
    assert_eq!(broker.messages("waiting").await, 30);
    work.stop().await;
}

#[tokio::test]
async fn a_handler_that_takes_long_keeps_its_entry() {
    let broker = Broker::shared().await;
    let options = broker.options("long");
    let sender = sender(&options).await;
    // Each has a store of its own, and would handle an entry that the server delivers again.
    let takes = Duration::from_secs(4);
    let (one, two) = tokio::join!(Work::slow(&options, takes), Work::slow(&options, takes));
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || one.count() + two.count() > 0).await;
    eventually("it is deleted", async || broker.messages("long").await == 0).await;
    let seen = [&one, &two].map(|work| work.seen.clone());
    one.stop().await;
    two.stop().await;
    assert_eq!(seen.map(|seen| ids(&seen)).concat(), ["evt_single_1"]);
}

#[tokio::test]
async fn a_worker_that_stops_ends_what_it_has_begun() {
    let broker = Broker::shared().await;
    let options = broker.options("stop").concurrency(2);
    let sender = sender(&options).await;
    for number in 0..3 {
        sender.deliver(&Sent::batch(number * 2)).await;
    }
    let gate = Arc::new(Semaphore::new(4));
    let first = Work::gated(&options, Arc::clone(&gate)).await;
    eventually("some are handled", async || first.count() == 4).await;
    let seen = first.seen.clone();
    // The stop comes first, and then the handlers that are running may go on.
    tokio::join!(first.stop(), async { gate.add_permits(26) });
    let mut handled = ids(&seen);
    assert!(handled.len() < 30, "there was no time for all");
    let rest = 30 - handled.len();
    assert_eq!(broker.messages("stop").await, u64::try_from(rest).expect("few"));

    // The others have stores of their own, so they would handle again what was not acknowledged.
    let second = Work::start(&options, |_| false).await;
    eventually("the rest is handled", async || second.count() >= rest).await;
    let seen = second.seen.clone();
    second.stop().await;
    handled.extend(ids(&seen));
    handled.sort();
    let mut all: Vec<_> = (0..30).map(|number| format!("evt_batch_{number}")).collect();
    all.sort();
    assert_eq!(handled, all);
    assert_eq!(broker.messages("stop").await, 0);
}

#[tokio::test]
async fn an_idle_worker_stops() {
    let broker = Broker::shared().await;
    let options: NatsOptions = broker.options("idle");
    let work = Work::start(&options, |_| false).await;
    work.stop().await;
}

fn ids(seen: &Seen) -> Vec<String> {
    seen.lock().expect("no panic").iter().map(|(id, _)| id.clone()).collect()
}

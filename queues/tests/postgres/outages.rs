//! The receiver and the worker while the server is away.

use std::time::Duration;

use crate::support::eventually;
use crate::support::sender::{Sent, event_json};
use crate::work::{Work, own_server, sender};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_server_the_sender_is_answered_503_until_it_is_back() {
    let (mut server, options) = own_server(&[]).await;
    let options = options.poll_every(Duration::from_millis(50));
    let sender = sender(&options).await;
    let work = Work::start(&options, |_| false).await;
    sender.deliver(&Sent::single(1)).await;
    eventually("it is handled", async || work.count() == 1).await;

    server.crash();
    let (status, text) = sender.attempt("single-2", &event_json("evt_single_2")).await;
    assert_eq!((status, text.as_str()), (503, "Try again later"));
    server.start_again().await;
    sender.deliver(&Sent::single(2)).await;
    eventually("it is handled, too", async || work.count() == 2).await;
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_in_hand_are_settled_when_the_server_is_back() {
    let (mut server, options) = own_server(&[]).await;
    // The crash can undo a deletion. That row waits for its lease.
    let options = options.poll_every(Duration::from_millis(50)).lease(Duration::from_secs(2));
    let sender = sender(&options).await;
    for number in 0..20 {
        sender.deliver(&Sent::single(number)).await;
    }
    let work = Work::start(&options, |_| false).await;
    eventually("some are in hand", async || work.count() >= 1).await;
    server.crash_and_restart().await;
    eventually("none is left", async || {
        let count = "SELECT count(*) FROM nevent_webhooks.entries";
        let row = server.client().await.query_one(count, &[]).await;
        row.is_ok_and(|row| row.get::<_, i64>(0) == 0)
    })
    .await;
    work.stop().await;
}

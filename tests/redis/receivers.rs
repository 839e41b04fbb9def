//! Several receiver processes that share one store.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::support::receiver_process::LEASE;
use crate::support::{Ledger, ReceiverProcess, Sender, Server, delivery_id, eventually};

const AT_ONCE: Duration = Duration::ZERO;
const MINUTE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_deliveries_each_sent_to_two_receivers_at_once_run_once() {
    let (server, ledger) = (Server::start().await, Ledger::default());
    let mut receivers = [(); 2].map(|()| ReceiverProcess::start(&server.url(), AT_ONCE, &ledger));
    let addresses = [receivers[0].address(), receivers[1].address()];
    let sender = Sender::new(&addresses, MINUTE, &ledger);

    let mut pairs = JoinSet::new();
    for number in 0..10_000 {
        let sender = sender.clone();
        pairs.spawn(async move {
            let id = delivery_id(number);
            let [one, other] = addresses.map(|receiver| sender.attempt_at(receiver, &id));
            let (one, other) = tokio::join!(one, other);
            assert!(one || other, "one of two at once is handled");
        });
        if pairs.len() == 32 {
            pairs.join_next().await.expect("a pair").expect("no panic");
        }
    }
    while let Some(pair) = pairs.join_next().await {
        pair.expect("no panic");
    }

    receivers.iter_mut().for_each(ReceiverProcess::kill);
    let balance = ledger.balance();
    println!("{balance}");
    assert_eq!((balance.sent, balance.lost.len()), (10_000, 0));
    assert_eq!((balance.doubles.len(), balance.begun_again), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn d11_deliveries_of_a_killed_receiver_run_after_their_lease() {
    let (server, ledger) = (Server::start().await, Ledger::default());
    let forever = Duration::from_secs(600);
    let mut killed = ReceiverProcess::start(&server.url(), forever, &ledger);
    let other = ReceiverProcess::start(&server.url(), AT_ONCE, &ledger);
    let sender = Sender::new(&[killed.address()], MINUTE, &ledger);

    let attempts: JoinSet<bool> = (0..20)
        .map(|number| {
            let sender = sender.clone();
            async move { sender.attempt(&delivery_id(number)).await }
        })
        .collect();
    let all_begun = || (0..20).all(|number| ledger.times_begun(&delivery_id(number)) == 1);
    eventually("all handlers have begun", async || all_begun()).await;
    let renewed_at_the_latest = Instant::now();
    killed.kill();
    attempts.join_all().await;

    let mut refused = 0;
    for number in 0..20 {
        let id = delivery_id(number);
        while !sender.attempt_at(other.address(), &id).await {
            refused += 1;
            assert!(renewed_at_the_latest.elapsed() < LEASE + Duration::from_secs(10), "{id}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    drop(other);
    for number in 0..20 {
        let id = delivery_id(number);
        assert_eq!((ledger.times_begun(&id), ledger.times_done(&id)), (2, 1), "{id}");
    }
    assert!(refused > 0, "before the lease has lapsed, nobody else may run it");
}

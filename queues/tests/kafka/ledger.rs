//! Deliveries through kills of receivers, workers and the broker: at the end every event has its effect,
//! exactly once.

use std::future::pending;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::kafka::{KafkaDeadLetters, KafkaOptions, KafkaQueue, KafkaWorker};

use crate::broker::{self, Broker};
use crate::support::eventually;
use crate::support::ledger::{Load, Programs, Shop, serve, simulate};
use crate::support::program::{is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::sender::Sent;
use crate::work::{Work, sender};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_or_repeated() {
    let load = Load { singles: 60, batches: 4, spread: Duration::from_secs(8) };
    check(&load, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn no_event_of_ten_thousand_deliveries_is_lost_or_repeated() {
    let load = Load { singles: 9_500, batches: 500, spread: Duration::from_secs(300) };
    check(&load, 5).await;
}

async fn check(load: &Load, at_least_crashes: usize) {
    let broker = Broker::start().await;
    let programs = Programs {
        receiver: "ledger::receiver",
        worker: "ledger::worker",
        environment: vec![("BROKER".to_owned(), broker.address())],
    };
    let balance = simulate(load, &broker, &programs).await;
    let crashes = broker.crashes.load(Ordering::Relaxed);
    println!("{crashes} crashes of the broker, {balance:?}");
    assert!(balance.lost.is_empty() && balance.repeated.is_empty(), "{balance:?}");
    assert!(crashes >= at_least_crashes, "{balance:?}");
    nothing_stays(&broker).await;
}

/// A last worker handles what the killed workers had in flight, and copies. Nothing became a dead letter.
async fn nothing_stays(broker: &Broker) {
    let options = options(&broker.address());
    sender(&options).await.deliver(&Sent::single(1_000_000)).await;
    let work = Work::start(&options, |_| false).await;
    eventually("the last event is handled", async || {
        work.ids().contains(&"evt_single_1000000".to_owned())
    })
    .await;
    println!("{} entries were left", work.count() - 1);
    work.stop().await;
    let dead = KafkaDeadLetters::connect(&options).await.expect("a broker");
    assert!(dead.list(1).await.expect("a broker").is_empty());
}

fn options(address: &str) -> KafkaOptions {
    let retry =
        RetryPolicy::new().first(Duration::from_millis(500)).longest(Duration::from_secs(2));
    // Each kill counts for all entries in flight.
    broker::options(address, "tickets").retry(retry.attempts(1_000)).delivery_limit(1_000)
}

#[tokio::test]
async fn receiver() {
    if !is_program() {
        return;
    }
    let shop = Shop::told().await;
    let mut queue = None;
    eventually("a broker, which may be starting", async || {
        queue = KafkaQueue::connect(&options(&told("BROKER"))).await.ok();
        queue.is_some()
    })
    .await;
    serve(queue.expect("connected"), shop.store).await;
}

#[tokio::test]
async fn worker() {
    if !is_program() {
        return;
    }
    let shop = Shop::told().await;
    let mut worker = None;
    eventually("a broker, which may be starting", async || {
        worker = KafkaWorker::connect(&options(&told("BROKER"))).await.ok();
        worker.is_some()
    })
    .await;
    let once = Once::with_options("work", shop.store.clone(), short_lease()).expect("safe options");
    say("ready");
    let sell = move |envelope: Envelope, claim: ClaimHandle| shop.clone().sell(envelope, claim);
    worker.expect("connected").run(&once, sell, pending()).await;
}

//! Deliveries through kills of receivers, workers and the broker: at the end every event has its effect,
//! exactly once.

use std::future::pending;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use nevent_webhooks_queues::RetryPolicy;
use nevent_webhooks_queues::nats::{NatsOptions, NatsQueue, NatsWorker};

use crate::broker::Broker;
use crate::support::eventually;
use crate::support::ledger::{Load, Programs, Shop, serve, simulate};
use crate::support::program::{is_program, say, told};
use crate::support::receiver::short_lease;
use crate::work::Work;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_or_repeated() {
    let load = Load { singles: 400, batches: 20, spread: Duration::from_secs(8) };
    check(&load, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn no_event_of_ten_thousand_deliveries_is_lost_or_repeated() {
    let load = Load { singles: 9_500, batches: 500, spread: Duration::from_secs(150) };
    check(&load, 5).await;
}

async fn check(load: &Load, at_least_crashes: usize) {
    let broker = Broker::start().await;
    let programs = Programs {
        receiver: "ledger::receiver",
        worker: "ledger::worker",
        environment: vec![("BROKER".to_owned(), broker.url())],
    };
    let balance = simulate(load, &broker, &programs).await;
    let crashes = broker.crashes.load(Ordering::Relaxed);
    println!("{crashes} crashes of the broker, {balance:?}");
    assert!(balance.lost.is_empty() && balance.repeated.is_empty(), "{balance:?}");
    assert!(crashes >= at_least_crashes, "{balance:?}");
    // The last start may not have been waited for.
    broker.kill();
    broker.up().await;
    nothing_stays(&broker).await;
}

/// A last worker empties the stream of what the killed workers had in flight, and of copies.
async fn nothing_stays(broker: &Broker) {
    let work = Work::start(&options(&broker.url()), |_| false).await;
    eventually("the streams are empty", async || waiting(broker).await == 0).await;
    println!("{} entries were left", work.count());
    work.stop().await;
    assert_eq!(waiting(broker).await, 0);
}

async fn waiting(broker: &Broker) -> u64 {
    broker.messages("tickets").await + broker.messages("tickets-dead").await
}

fn options(url: &str) -> NatsOptions {
    let options = NatsOptions::new(url, "tickets").expect("a URL");
    let options = options.ack_wait(Duration::from_secs(2));
    let retry =
        RetryPolicy::new().first(Duration::from_millis(500)).longest(Duration::from_secs(2));
    // Each kill counts for all entries in flight.
    options.retry(retry.attempts(1_000)).delivery_limit(1_000)
}

#[tokio::test]
async fn receiver() {
    if !is_program() {
        return;
    }
    let shop = Shop::told().await;
    let mut queue = None;
    eventually("a broker, which may be starting", async || {
        queue = NatsQueue::connect(&options(&told("BROKER"))).await.ok();
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
        worker = NatsWorker::connect(&options(&told("BROKER"))).await.ok();
        worker.is_some()
    })
    .await;
    let once = Once::with_options("work", shop.store.clone(), short_lease()).expect("safe options");
    say("ready");
    let sell = move |envelope: Envelope, claim: ClaimHandle| shop.clone().sell(envelope, claim);
    worker.expect("connected").run(&once, sell, pending()).await;
}

//! Deliveries through kills of receivers, workers and the broker: at the end every event has its effect, exactly
//! once.

use std::future::pending;
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::{Envelope, Once};
use tokio::sync::Mutex;

use crate::support::engine::{Dead, Engine, connected};
use crate::support::eventually;
use crate::support::ledger::{Load, Programs, Shop, only_hand_over, serve, simulate};
use crate::support::program::{is_program, say, told};
use crate::support::receiver::short_lease;
use crate::support::work::Work;

/// One ledger at a time: each has six processes, and kills them.
static ALONE: Mutex<()> = Mutex::const_new(());

pub async fn no_event_is_lost_or_repeated<E: Engine>() {
    check::<E>(&E::LEDGER, 1).await;
}

pub async fn long<E: Engine>() {
    check::<E>(&E::LONG_LEDGER, 5).await;
}

async fn check<E: Engine>(load: &Load, at_least_crashes: usize) {
    let _alone = ALONE.lock().await;
    let engine = E::for_ledger().await;
    let balance = simulate(load, engine.broker(), &programs(&engine)).await;
    println!("{balance:?}");
    assert!(balance.lost.is_empty() && balance.repeated.is_empty(), "{balance:?}");
    assert!(balance.crashes >= at_least_crashes, "{balance:?}");
    // A last worker empties the queue of what the killed workers had in flight, and of copies.
    let options = E::enduring(engine.options());
    let work = Work::<E>::start(&options, |_| false).await;
    eventually("the queue is empty", async || engine.entries().await == 0).await;
    println!("{} entries were left", work.count());
    work.stop().await;
    assert_eq!(engine.entries().await, 0);
    assert!(Dead::<E>::of(&options).await.list().await.is_empty());
}

/// Retries, copies, overlapping batches, and crashes.
pub async fn each_event_is_exactly_one_entry_through_kills<E: Engine>() {
    if !E::IS_ATOMIC {
        println!(
            "skipped: an entry is put before its delivery is recorded, so there can be copies"
        );
        return;
    }
    let _alone = ALONE.lock().await;
    let engine = E::for_ledger().await;
    let load = Load { singles: 200, batches: 20, spread: Duration::from_secs(4) };
    let (events, requests) = only_hand_over(&load, engine.broker(), &programs(&engine)).await;
    assert_eq!(engine.entries().await, events, "after {requests} requests");
    let work = Work::<E>::start(&E::enduring(engine.options()), |_| false).await;
    eventually("all are handled", async || engine.entries().await == 0).await;
    let mut ids = work.ids();
    work.stop().await;
    ids.dedup();
    assert_eq!(ids.len(), events);
}

fn programs<E: Engine>(engine: &E) -> Programs {
    let environment =
        [("BROKER", engine.address()), ("BROKER_OF_RECEIVERS", engine.address_of_receivers())];
    Programs {
        receiver: "promises::receiver",
        worker: "promises::worker",
        environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}

async fn options<E: Engine>(address: &str) -> E::Options {
    let address = told(address);
    E::enduring(connected(async || E::options_at(&address, "tickets").await).await)
}

/// In a receiver's process.
pub async fn receiver<E: Engine>() {
    if !is_program() {
        return;
    }
    let (shop, options) = (Shop::told().await, options::<E>("BROKER_OF_RECEIVERS").await);
    serve(connected(async || E::receiver(&options, shop.store.clone()).await).await).await;
}

/// In a worker's process. Its effects and records are in the shop's file.
pub async fn worker<E: Engine>() {
    if !is_program() {
        return;
    }
    let (shop, options) = (Shop::told().await, options::<E>("BROKER").await);
    let worker = connected(async || E::worker(&options, |_| {}).await).await;
    let once = Once::with_options("work", shop.store.clone(), short_lease()).expect("safe options");
    let sell = move |envelope: Envelope, claim: ClaimHandle| {
        let shop = shop.clone();
        async move { shop.sell(envelope, claim).await.map_err(|error| error.to_string()) }
    };
    say("ready");
    E::run(worker, once, sell, pending()).await;
}

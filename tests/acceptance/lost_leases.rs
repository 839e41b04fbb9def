//! d22, d23, d24: answers that are read late, stores that are silent for a while, and leases that
//! are lost.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{DedupeOptions, Incident, ManualClock};

use crate::support::{Adapter, Fault, FaultyStore, Gate, Post, Receiver, eventually, rows};

rows!(
    d22_claim_read_after_its_lease,
    d22_handler_ready_after_its_lease,
    d22_handler_ready_after_its_claim_was_lost,
    d23_silent_store_costs_no_lease,
    d23_store_that_panics_costs_no_lease,
    d24_completed_by_another_attempt,
    d24_ended_after_its_lease_without_another_attempt,
    d24_recorded_after_its_lease,
    d24_a_failure_after_its_lease,
    d24_a_failure_within_its_lease_is_no_loss,
    d24_a_handler_without_a_claim_loses_no_lease,
);

fn store() -> FaultyStore {
    FaultyStore::new(MemoryStore::with_capacity(100).expect("room"))
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Leases of 900 ms.
fn short_leases() -> DedupeOptions {
    DedupeOptions::new().store_timeout(ms(250)).response_deadline(ms(300)).lease(ms(900))
}

/// The thread that is to read the answer is blocked for longer than the lease.
async fn d22_claim_read_after_its_lease(adapter: Adapter) {
    let store = store();
    let setup = Receiver::on(adapter).store(store.clone()).options(short_leases());
    let receiver = setup.start().await;
    store.fail_claims(Fault::BlocksFor(ms(900)));
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    assert_eq!((receiver.runs(), receiver.incidents(Incident::ClaimedTooLate)), (0, 1));
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0, "nothing ran");
    eventually("the claim is given back", || store.releases() == 1).await;

    store.fail_claims(None);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), receiver.incidents(Incident::ClaimedTooLate)), (1, 1));
}

/// A concurrency limit below the layers makes the handler wait for longer than its lease, which
/// the store does not renew. On hyper alone: axum's and actix's routes are always ready, and wait
/// in the handler's place.
async fn d22_handler_ready_after_its_lease(adapter: Adapter) {
    if adapter != Adapter::Hyper {
        return;
    }
    let (store, (setup, gate)) = (store(), Receiver::gated(adapter));
    let setup = setup.store(store.clone()).options(short_leases()).concurrency_limit(1);
    let receiver = setup.start().await;
    store.fail_renewals(Fault::Down);
    receiver.deliver(&Post::new("at work")).await.is(503, "Still processing");
    receiver.deliver(&Post::new("waits").body("another")).await.is(503, "Still processing");
    tokio::time::sleep(ms(900)).await;
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!((receiver.runs(), receiver.incidents(Incident::ClaimedTooLate)), (1, 1));

    gate.let_pass(1);
    receiver.deliver(&Post::new("waits").body("another")).await.is(200, "");
    assert_eq!(receiver.runs(), 2);
}

/// The lease would hold for long, but a renewal was told that the claim is gone, for example after
/// a failover. On hyper alone, for the reason given above.
async fn d22_handler_ready_after_its_claim_was_lost(adapter: Adapter) {
    if adapter != Adapter::Hyper {
        return;
    }
    let (clock, (setup, gate)) = (ManualClock::now(), Receiver::gated(adapter));
    let store = MemoryStore::with_capacity(100).expect("room").clock(clock.clone());
    let options = DedupeOptions::new().response_deadline(ms(300)).store_timeout(ms(200));
    let setup = setup.store(store).options(options.lease(ms(6000))).concurrency_limit(1);
    let receiver = setup.start().await;
    receiver.deliver(&Post::new("at work")).await.is(503, "Still processing");
    receiver.deliver(&Post::new("waits").body("another")).await.is(503, "Still processing");
    clock.advance(ms(6000));
    eventually("both losses are told", || receiver.incidents(Incident::LeaseLost) == 2).await;
    gate.let_pass(2);
    receiver.idle().await;
    assert_eq!((receiver.runs(), receiver.incidents(Incident::ClaimedTooLate)), (1, 1));
}

/// Renewals that fail are repeated before the lease expires.
async fn d23_silent_store_costs_no_lease(adapter: Adapter) {
    for fault in [Fault::Down, Fault::Silent] {
        renewed_after(fault, adapter).await;
    }
}

async fn d23_store_that_panics_costs_no_lease(adapter: Adapter) {
    renewed_after(Fault::Panics, adapter).await;
}

async fn renewed_after(fault: Fault, adapter: Adapter) {
    let (store, (setup, gate)) = (store(), Receiver::gated(adapter));
    let options = DedupeOptions::new().response_deadline(ms(300)).store_timeout(ms(200));
    // Tries are 120 to 420 ms apart: three of them take little of it.
    let setup = setup.store(store.clone()).options(options.lease(ms(7200)));
    let receiver = setup.start().await;
    store.fail_renewals(fault);
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    eventually("three renewals have failed", || store.renewals() == 3).await;
    store.fail_renewals(None);
    // From the claim on, the lease is over by then.
    tokio::time::sleep(ms(7300)).await;
    receiver.deliver(&Post::new("d")).await.is(409, "Delivery in progress");
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!((receiver.runs(), receiver.incidents(Incident::LeaseLost)), (1, 0));
    // The third may have been let through.
    assert!((2..=3).contains(&receiver.incidents(Incident::RenewalFailed)));
}

/// The store then answers only that the delivery is recorded as completed.
async fn d24_completed_by_another_attempt(adapter: Adapter) {
    let (store, (setup, gate)) = (store(), Receiver::gated(adapter));
    let first = setup.store(store.clone()).options(short_leases()).start().await;
    let second = Receiver::on(adapter).store(store.clone()).start().await;
    store.fail_renewals(Fault::Down);
    first.deliver(&Post::new("d")).await.is(503, "Still processing");
    tokio::time::sleep(ms(900)).await;
    second.deliver(&Post::new("d")).await.is(200, "");
    gate.let_pass(1);
    first.idle().await;
    assert_eq!(first.incidents(Incident::LeaseLost), 1);
    assert_eq!(second.incidents(Incident::LeaseLost), 0);
}

/// Another attempt may have taken it: nobody can tell.
async fn d24_ended_after_its_lease_without_another_attempt(adapter: Adapter) {
    let (store, (setup, gate)) = (store(), Receiver::gated(adapter));
    let receiver = setup.store(store.clone()).options(short_leases()).start().await;
    store.fail_renewals(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    tokio::time::sleep(ms(900)).await;
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 1);
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
    assert_eq!(receiver.runs(), 1);
}

/// The handler ended in time, but the store took so long to record it that another attempt
/// may have run.
async fn d24_recorded_after_its_lease(adapter: Adapter) {
    let store = store();
    let setup = Receiver::on(adapter).store(store.clone()).options(short_leases());
    let receiver = setup.start().await;
    store.fail_finalizations(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
    tokio::time::sleep(ms(900)).await;
    store.fail_finalizations(None);
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 1);
}

/// Another attempt may have repeated the effects it had before it failed.
async fn d24_a_failure_after_its_lease(adapter: Adapter) {
    let (store, gate) = (store(), Gate::closed());
    let inside = gate.clone();
    let setup = Receiver::on(adapter).store(store.clone()).options(short_leases());
    let setup = setup.handler(move |_| {
        let gate = inside.clone();
        async move {
            gate.pass().await;
            StatusCode::INTERNAL_SERVER_ERROR
        }
    });
    let receiver = setup.start().await;
    store.fail_renewals(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    tokio::time::sleep(ms(900)).await;
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 1);
}

/// A handler that runs although the store failed has no lease. It is counted as `RanUnclaimed`.
async fn d24_a_handler_without_a_claim_loses_no_lease(adapter: Adapter) {
    let (store, (setup, gate)) = (store(), Receiver::gated(adapter));
    let options = short_leases().dangerously_run_when_store_fails();
    let receiver = setup.store(store.clone()).options(options).start().await;
    store.fail_claims(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    eventually("it was to be renewed", || store.renewals() >= 1).await;
    tokio::time::sleep(ms(900)).await;
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::RanUnclaimed), 1);
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
}

/// The lease still held when the handler failed, so nothing was lost, however late the store hears
/// of it.
async fn d24_a_failure_within_its_lease_is_no_loss(adapter: Adapter) {
    let store = FaultyStore::new(MemoryStore::new().clock(ManualClock::now()));
    let fails = |_| async { StatusCode::INTERNAL_SERVER_ERROR };
    let setup = Receiver::on(adapter).store(store.clone()).handler(fails);
    let receiver = setup.options(short_leases()).start().await;
    store.fail_finalizations(Fault::Down);
    receiver.deliver(&Post::new("d")).await.is(500, "");
    tokio::time::sleep(ms(900)).await;
    store.fail_finalizations(None);
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
}

//! d10, d12, d16: claims and leases as the store sees them.

use std::time::Duration;

use axum::http::StatusCode;
use nevent_webhooks::store::MemoryStore;
use nevent_webhooks::{
    DedupeKey, DedupeOptions, Incident, ManualClock, Secret, Tolerance, Verifier,
};

use crate::support::{Adapter, Fault, FaultyStore, Post, Receiver, SECRET, eventually, rows};

rows!(
    d10_claimed_after_the_response,
    d10_a_renewal_overtaken_by_the_end_is_no_loss,
    d12_an_expired_lease_is_noticed_at_its_renewal,
    d16_claims_carry_the_options,
    d16_event_claims_carry_the_options,
);

fn store(clock: Option<&ManualClock>) -> FaultyStore {
    let store = MemoryStore::with_capacity(100).expect("room");
    FaultyStore::new(match clock {
        Some(clock) => store.clock(clock.clone()),
        None => store,
    })
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn short_leases() -> DedupeOptions {
    DedupeOptions::new().store_timeout(ms(250)).response_deadline(ms(300)).lease(ms(900))
}

/// A slow body and a slow store. The handler has not failed: it runs after the response, or, on
/// actix, with the retry.
async fn d10_claimed_after_the_response(adapter: Adapter) {
    let store = store(None);
    let setup = Receiver::on(adapter).store(store.clone()).options(short_leases());
    let receiver = setup.start().await;
    store.fail_claims(Fault::Late);
    let (head, body) = Post::new("d").wire(receiver.now());
    let mut connection = receiver.connect().await;
    connection.send(&head).await;
    tokio::time::sleep(ms(1200)).await; // Wherever in it the head was read, it is late.
    connection.send(&body).await;
    connection.reply().await.is(503, "Still processing");
    receiver.idle().await;
    store.fail_claims(None);
    let ran = adapter.keeps_the_request_beyond_its_answer();
    let answer = if ran { "Already processed" } else { "" };
    receiver.deliver(&Post::new("d")).await.is(200, answer);
    assert_eq!((receiver.runs(), receiver.incidents(Incident::HandlerPanicked)), (1, 0));
}

/// A renewal that reaches the store after the handler's end was recorded finds nothing to renew.
async fn d10_a_renewal_overtaken_by_the_end_is_no_loss(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let store = store(Some(&ManualClock::now()));
    let receiver = setup.store(store.clone()).options(short_leases()).start().await;
    store.fail_renewals(Fault::Late);
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    eventually("a renewal is on its way", || store.renewals() == 1).await;
    gate.let_pass(1);
    receiver.idle().await;
    assert_eq!(receiver.incidents(Incident::LeaseLost), 0);
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
}

/// A lost lease does not come back, so the loss is counted once and not looked for again.
async fn d12_an_expired_lease_is_noticed_at_its_renewal(adapter: Adapter) {
    let (setup, gate) = Receiver::gated(adapter);
    let clock = ManualClock::now();
    let store = store(Some(&clock));
    let receiver = setup.store(store.clone()).options(short_leases()).start().await;
    receiver.deliver(&Post::new("d")).await.is(503, "Still processing");
    clock.advance(Duration::from_secs(1));
    eventually("it is noticed", || receiver.incidents(Incident::LeaseLost) == 1).await;
    let renewals = store.renewals();
    tokio::time::sleep(ms(1000)).await; // Three more would have been due.
    assert_eq!((receiver.incidents(Incident::LeaseLost), store.renewals()), (1, renewals));
    gate.let_pass(1);
    receiver.idle().await;
    receiver.deliver(&Post::new("d")).await.is(200, "Already processed");
}

/// The order in which options are set makes no difference.
fn unusual() -> DedupeOptions {
    let lease = Duration::from_secs(77);
    let forgetful = DedupeOptions::new().retention(Duration::from_secs(3600)).lease(lease);
    forgetful.dangerously_allow_short_retention()
}

async fn d16_claims_carry_the_options(adapter: Adapter) {
    let store = store(None);
    let tolerance = Tolerance::new(Duration::from_secs(100), Duration::from_secs(20));
    let verifier = Verifier::new(Secret::new(SECRET).expect("a secret"));
    let verifier = verifier.tolerance(tolerance.expect("sane"));
    let setup = Receiver::on(adapter).store(store.clone()).verifier(verifier);
    let receiver = setup.options(unusual()).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    let claim = store.last_claim();
    assert_eq!((claim.lease.as_secs(), claim.retention.as_secs()), (77, 3600));
    assert_eq!((claim.replay_window.as_secs(), claim.replay_keys.len()), (100 + 20 + 60, 1));
}

async fn d16_event_claims_carry_the_options(adapter: Adapter) {
    let store = store(None);
    let handler = |_| async { StatusCode::OK };
    let setup = Receiver::on(adapter).store(store.clone()).handler(handler);
    let receiver = setup.options(unusual().dedupe_by(DedupeKey::EventId)).start().await;
    receiver.deliver(&Post::new("d")).await.is(200, "");
    let claim = store.last_claim();
    assert_ne!(claim.id.as_str(), "d", "it is claimed by its event's id");
    assert_eq!((claim.lease.as_secs(), claim.retention.as_secs()), (77, 3600));
}

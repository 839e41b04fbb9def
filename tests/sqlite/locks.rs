//! A handler's write transaction holds the file's lock, and everybody else waits.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::store::{ClaimAnswer, SqliteOptions, SqliteStore, Store, StoreError};
use nevent_webhooks::{DedupeOptions, Incident};
use rusqlite::TransactionBehavior::Immediate;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::acceptance::{Adapter, Post, Receiver};
use crate::support::effects::{Effects, blocking, sell};
use crate::support::{Directory, PATIENCE, claim};

/// A delivery with a body of its own. The same signed bytes under another id would be a replay.
fn post(id: &str) -> Post {
    Post::new(id).body(format!("{{\"id\":\"{id}\"}}"))
}

/// Another connection that holds the lock for so long, from now on.
fn locked(directory: &Directory, time: Duration) -> JoinHandle<()> {
    let connection = directory.connection();
    connection.execute_batch("BEGIN IMMEDIATE").expect("a file");
    std::thread::spawn(move || {
        std::thread::sleep(time);
        connection.execute_batch("COMMIT").expect("a transaction");
    })
}

#[tokio::test]
async fn operations_wait_for_the_busy_timeout_and_then_fail() {
    let directory = Directory::new();
    let options = SqliteOptions::new().busy_timeout(Duration::from_millis(300));
    let store = SqliteStore::open_with(directory.file(), options).await.expect("a file");
    let holder = locked(&directory, Duration::from_secs(4));

    // The later one does not wait for the end of the earlier one's wait, and then for its own.
    let mut claims = JoinSet::new();
    for number in 0..2 {
        let store = store.clone();
        claims.spawn(async move {
            sleep(Duration::from_millis(150) * number).await;
            let begun = Instant::now();
            (store.claim(&claim("d")).await, begun.elapsed())
        });
    }
    for (answer, took) in claims.join_all().await {
        let Err(StoreError::Unavailable(error)) = answer else { panic!("{answer:?}") };
        assert!(error.to_string().contains("keep handlers' transactions short"), "{error}");
        assert!(took >= Duration::from_millis(300) && took < Duration::from_secs(2), "{took:?}");
    }
    store.ready().await.expect_err("the lock is held");
    holder.join().expect("no panic");
    store.ready().await.expect("the lock is free");
    assert_eq!(store.claim(&claim("d")).await.expect("a file"), ClaimAnswer::Acquired);
}

#[tokio::test]
async fn an_operation_goes_on_when_the_lock_is_free_in_time() {
    let directory = Directory::new();
    let store = directory.store().await;
    let begun = Instant::now();
    let holder = locked(&directory, Duration::from_millis(300));
    assert_eq!(store.claim(&claim("d")).await.expect("a file"), ClaimAnswer::Acquired);
    assert!(begun.elapsed() >= Duration::from_millis(300), "the claim waited for the lock");
    holder.join().expect("no panic");
}

/// The sender is answered 503, and its retry is handled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_are_answered_503_and_recover() {
    let directory = Directory::new();
    let receiver = Receiver::on(Adapter::Axum).store(directory.store().await).start().await;
    let holder = locked(&directory, Duration::from_millis(2500));
    receiver.deliver(&Post::new("d")).await.is(503, "Try again later");
    holder.join().expect("no panic");
    receiver.deliver(&Post::new("d")).await.is(200, "");
    assert_eq!(receiver.runs(), 1);
}

/// Leases are renewed again and again. A lock that is held for less than half a lease, however it
/// falls between two renewals, costs none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_is_held_for_nearly_half_a_lease_costs_no_lease() {
    const LEASE: Duration = Duration::from_secs(6);
    let directory = Directory::new();
    let options = DedupeOptions::new()
        .lease(LEASE)
        .response_deadline(Duration::from_secs(2))
        .store_timeout(Duration::from_millis(1500));
    let (setup, gate) = Receiver::gated(Adapter::Axum);
    let receiver = setup.store(directory.store().await).options(options).start().await;
    let mut at_work = Vec::new();
    for number in 0..8 {
        at_work.push(receiver.start(&post(&format!("d{number}"))).await);
        sleep(Duration::from_millis(150)).await;
    }
    for _ in 0..3 {
        locked(&directory, LEASE * 40 / 100).join().expect("no panic");
        sleep(LEASE / 5).await;
    }
    let other = directory.store().await;
    for number in 0..8 {
        let mut repeat = claim(&format!("d{number}"));
        repeat.fingerprint = receiver.seen()[number].claim().expect("claimed").claim().fingerprint;
        let answer = other.claim(&repeat).await.expect("a file");
        assert!(matches!(answer, ClaimAnswer::InFlight { .. }), "{answer:?}");
    }
    gate.let_pass(8);
    receiver.idle().await;
    assert_eq!((receiver.runs(), receiver.incidents(Incident::LeaseLost)), (8, 0));
}

/// Handlers that commit their own transactions, and the store, take turns with one lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_handlers_with_transactions_of_their_own_get_the_lock() {
    let directory = Directory::new();
    let effects = Effects::new(&directory);
    let in_handlers = effects.clone();
    let receiver = Receiver::on(Adapter::Axum).store(directory.store().await);
    let receiver = receiver.refusing_handler(move |delivery| {
        let effects = in_handlers.clone();
        blocking(move || {
            let mut connection = effects.connection();
            let transaction = connection.transaction_with_behavior(Immediate).expect("a file");
            sell(&transaction, delivery.id().as_str());
            delivery.commit_blocking(transaction)?;
            Ok(StatusCode::OK)
        })
    });
    let receiver = std::sync::Arc::new(receiver.start().await);
    let mut senders = JoinSet::new();
    for sender in 0..16 {
        let receiver = std::sync::Arc::clone(&receiver);
        senders.spawn(async move {
            for number in 0..20 {
                let post = post(&format!("{sender}-{number}"));
                let begun = Instant::now();
                while receiver.deliver(&post).await.status != 200 {
                    assert!(begun.elapsed() < PATIENCE, "the lock is never free");
                }
            }
        });
    }
    senders.join_all().await;
    for (sender, number) in (0..16).flat_map(|sender| (0..20).map(move |number| (sender, number))) {
        assert_eq!(effects.of(&format!("{sender}-{number}")), 1);
    }
}

//! The example receivers under load: a steady flow of genuine deliveries, 2,000 clients that
//! stall, and a flood of forged requests with bodies of 1 MiB. Genuine deliveries are handled once
//! and answered, and the receiver's memory stays within the figure in `docs/security.md`.
//!
//! ```sh
//! cargo test --release --test soak -- --ignored --nocapture --test-threads 1
//! SOAK_SECONDS=600 cargo test --release --test soak -- --ignored --nocapture --test-threads 1
//! ```

#[path = "../support/example.rs"]
mod example;
mod forged;
mod genuine;
#[path = "../support/ports.rs"]
mod ports;
#[path = "../support/process.rs"]
mod process;
mod receiver;
#[path = "../support/secrets.rs"]
mod secrets;
mod stalled;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use receiver::Receiver;

const STALLED: usize = 2_000;
const FORGERS: usize = 8;

/// `docs/security.md`, "Measured".
const MOST_MEMORY: u64 = 256 << 20;
/// With what the process itself grows by.
const MOST_EACH: u64 = 32 << 10;

#[tokio::test]
#[ignore = "half a minute, and a release build"]
async fn axum() {
    soak("axum").await;
}

#[tokio::test]
#[ignore = "half a minute, and a release build"]
async fn hyper() {
    soak("hyper").await;
}

#[tokio::test]
#[ignore = "half a minute, and a release build"]
async fn actix() {
    soak("actix").await;
}

#[tokio::test]
#[ignore = "a minute and a half, and a release build"]
async fn connections_that_stall_and_nothing_else() {
    receiver::allow_many_connections();
    for name in ["axum", "hyper", "actix"] {
        let receiver = Receiver::start(name);
        let (at_rest, over) = (receiver.memory(), Over::default());
        let stalled = stalled::clients(STALLED, receiver.port(), &over);
        tokio::time::sleep(seconds()).await;
        over.store(true, Ordering::SeqCst);
        let clients = stalled.join().await;
        let each = (receiver.peak_memory() - at_rest) / STALLED as u64;
        receiver.stop();
        println!("{name}: {clients}, {} KiB each", each >> 10);
        assert_all_stalled(&clients);
        assert!(each <= MOST_EACH, "{each} bytes");
    }
}

/// Ends all load when it is set.
type Over = Arc<AtomicBool>;

async fn soak(name: &str) {
    receiver::allow_many_connections();
    let receiver = Receiver::start(name);
    let (at_rest, port) = (receiver.memory(), receiver.port());
    let over = Over::default();

    let stalled = stalled::clients(STALLED, port, &over);
    let forged = tokio::spawn(forged::flood(FORGERS, port, Arc::clone(&over)));
    let genuine = tokio::spawn(genuine::load(port, Arc::clone(&over)));
    tokio::time::sleep(seconds()).await;
    over.store(true, Ordering::SeqCst);

    let (sent, forged) = (genuine.await.expect("no panic"), forged.await.expect("no panic"));
    let (clients, peak) = (stalled.join().await, receiver.peak_memory());
    let handled = receiver.stop();
    println!("{name}: {sent}\n  {forged}\n  {clients}");
    println!("  memory: {} KiB at rest, {} KiB at most", at_rest >> 10, peak >> 10);
    assert_eq!(handled, sent.ids(), "each was handled once, and nothing else");
    assert!(sent.ids().len() as u64 >= 50 * seconds().as_secs(), "the load was steady");
    assert!(forged.refused > FORGERS, "there was a flood");
    assert_all_stalled(&clients);
    assert!(peak <= MOST_MEMORY, "{peak} bytes");
}

/// Asserts that the clients stalled and were ended. Those just closed are on their way back.
fn assert_all_stalled(clients: &stalled::Report) {
    assert!(clients.least_at_once >= STALLED * 3 / 4, "so many stalled: {clients}");
    for kind in stalled::KINDS {
        let connections = clients.connections(kind);
        assert!(connections > STALLED * 3 / 8, "{kind:?} is ended: {connections} connections");
    }
}

fn seconds() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    // Three pass until all have stalled, twelve until each was ended.
    Duration::from_secs(seconds.unwrap_or(30).max(15))
}

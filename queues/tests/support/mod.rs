//! What the tests of every engine use. Each test includes this file.
#![allow(dead_code, reason = "each test uses a part")]

pub mod directory;
pub mod engine;
pub mod example;
pub mod ledger;
#[path = "../../../tests/support/ports.rs"]
pub mod ports;
#[path = "../../../tests/support/process.rs"]
pub mod process;
pub mod program;
pub mod promises;
pub mod receiver;
pub mod sender;
pub mod tools;
pub mod work;

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// How long a test waits for anything: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until it is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

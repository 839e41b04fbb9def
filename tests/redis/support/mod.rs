//! Real Redis processes to start, hurt and kill, and a proxy to stand in their way.

pub mod certificates;
pub mod cluster;
pub mod directory;
pub mod link;
pub mod moving;
pub mod nodes;
pub mod ports;
pub mod proxy;
pub mod sentinels;
pub mod server;
pub mod spawn;

use std::time::{Duration, Instant};

pub use certificates::Certificates;
pub use cluster::Cluster;
pub use proxy::Proxy;
pub use sentinels::Sentinels;
pub use server::Server;

/// What a busy machine may need for what an idle one does at once.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a check again and again until it holds, for what happens elsewhere.
pub async fn eventually(what: &str, check: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !check().await {
        assert!(begun.elapsed() < PATIENCE, "did not come about within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

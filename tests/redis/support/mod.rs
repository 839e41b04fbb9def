//! Real Redis processes to start, disturb and kill, and a proxy in front of them; receivers in
//! processes of their own, and a sender that keeps a ledger.

/// Receivers and a client, of the acceptance tests.
#[allow(dead_code, unused_imports, reason = "the acceptance tests use the rest")]
#[path = "../../support/mod.rs"]
pub mod acceptance;
pub mod arguments;
pub mod certificates;
pub mod clock;
pub mod cluster;
pub mod directory;
#[path = "../../support/example.rs"]
pub mod example;
pub mod held;
pub mod ledger;
pub mod load;
pub mod moving;
pub mod nodes;
#[path = "../../support/ports.rs"]
pub mod ports;
#[path = "../../support/process.rs"]
pub mod process;
pub mod proxy;
pub mod receiver_process;
pub mod relay;
pub mod sender;
pub mod sentinels;
pub mod server;
pub mod spawn;

use std::time::{Duration, Instant};

use nevent_webhooks::DeliveryId;
use nevent_webhooks::store::{Claim, Fingerprint, Scope};

pub use acceptance::{Adapter, SECRET, secrets};
pub use certificates::Certificates;
pub use cluster::Cluster;
pub use ledger::Ledger;
pub use proxy::Proxy;
pub use receiver_process::ReceiverProcess;
pub use sender::{Sender, delivery_id};
pub use sentinels::Sentinels;
pub use server::Server;

/// The longest a busy machine may need for anything that an idle one does at once.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a check again and again until it holds, for what happens elsewhere.
pub async fn eventually(what: &str, check: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !check().await {
        assert!(begun.elapsed() < PATIENCE, "did not come about within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A claim for this delivery, with a token of its own.
pub fn claim(id: &str) -> Claim {
    let scope = Scope::new("tickets").expect("a scope");
    Claim::new(scope, DeliveryId::new(id).expect("an id"), Fingerprint::of(id.as_bytes()))
}

//! Real PostgreSQL servers to start, disturb and kill.

/// Receivers and a client, of the acceptance tests.
#[allow(dead_code, unused_imports, reason = "the acceptance tests use the rest")]
#[path = "../../support/mod.rs"]
pub mod acceptance;
pub mod bouncer;
pub mod directory;
pub mod effects;
#[path = "../../support/ports.rs"]
pub mod ports;
#[path = "../../support/process.rs"]
pub mod process;
pub mod programs;
/// Stands between a client and a server. It moves bytes of any protocol.
#[allow(dead_code, reason = "the tests of Redis use the rest")]
#[path = "../../redis/support/proxy.rs"]
pub mod proxy;
#[path = "../../redis/support/relay.rs"]
pub mod relay;
pub mod scene;
pub mod server;

use std::time::Duration;

use nevent_webhooks::DeliveryId;
use nevent_webhooks::store::{Claim, Fingerprint, Scope};

pub use acceptance::{Adapter, SECRET, secrets};
pub use bouncer::Bouncer;
pub use effects::{Effects, sell};
pub use proxy::Proxy;
pub use scene::{Scene, deliver_until_done, unavailable};
pub use server::{Database, Server};

/// The longest a busy machine may need for anything that an idle one does at once.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A claim for this delivery, with a token of its own.
pub fn claim(id: &str) -> Claim {
    let scope = Scope::new("tickets").expect("a scope");
    Claim::new(scope, DeliveryId::new(id).expect("an id"), Fingerprint::of(id.as_bytes()))
}

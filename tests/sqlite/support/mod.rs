//! Files, a table of the handlers, and other processes that use the same file.

/// Receivers and a client, of the acceptance tests.
#[allow(dead_code, unused_imports, reason = "the acceptance tests use the rest")]
#[path = "../../support/mod.rs"]
pub mod acceptance;
pub mod directory;
pub mod effects;
#[path = "../../support/process.rs"]
pub mod process;
pub mod store_process;

use std::time::Duration;

use nevent_webhooks::DeliveryId;
use nevent_webhooks::store::{Claim, Fingerprint, Scope};

pub use acceptance::Adapter;
pub use directory::Directory;

pub use store_process::StoreProcess;

/// The longest a busy machine may need for anything that an idle one does at once.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A claim for this delivery, with a token of its own.
pub fn claim(id: &str) -> Claim {
    let scope = Scope::new("tickets").expect("a scope");
    Claim::new(scope, DeliveryId::new(id).expect("an id"), Fingerprint::of(id.as_bytes()))
}

//! Deduplication, whatever the framework: claim → handler → complete or release.

mod attempt;
mod background;
mod claim;
mod finalize;
mod handle_once;
mod in_request;
mod key;
mod layer;
mod lease;
mod options;
mod panic;
mod permits;
mod renewal;
mod store_call;

use std::sync::Arc;

#[cfg(feature = "tower")]
pub(crate) use background::Work;
pub(crate) use handle_once::handle_event_once;
#[cfg(feature = "tower")]
pub(crate) use handle_once::handle_once;
#[cfg(feature = "actix")]
pub(crate) use handle_once::handle_once_locally;
pub(crate) use in_request::InRequest;
pub use key::DedupeKey;
pub use layer::DedupeLayer;
pub use options::{DedupeOptions, OptionsError};

use tokio::time::Instant;

pub(crate) use self::attempt::Start;
pub(crate) use self::permits::Permit;
use self::permits::Permits;
use crate::Delivery;
use crate::deadline::deadline;
use crate::observe::{Incident, Incidents};
#[cfg(feature = "actix")]
use crate::store::StoreIdentity;
use crate::store::{Scope, ScopeInUse, SharedStore, Store};

/// A worker makes its layers once for each address that its server listens at.
#[cfg(feature = "actix")]
use crate::actix::is_worker;
#[cfg(not(feature = "actix"))]
fn is_worker() -> bool {
    false
}

/// What all deliveries of one endpoint share.
#[derive(Debug)]
pub(crate) struct Dedupe {
    scope: Scope,
    store: SharedStore,
    options: DedupeOptions,
    incidents: Incidents,
    permits: Arc<Permits>,
}

impl Dedupe {
    pub(crate) fn new(
        scope: &str,
        store: impl Store,
        options: DedupeOptions,
    ) -> Result<Self, OptionsError> {
        let options = options.checked()?;
        let scope = Scope::new(scope)?;
        Ok(Self {
            scope,
            store: SharedStore::new(store),
            permits: Permits::new(options.max_in_flight),
            incidents: Incidents::default(),
            options,
        })
    }

    pub(crate) fn incidents(&self, incident: Incident) -> u64 {
        self.incidents.count_of(incident)
    }

    /// Uses the scope for as long as the guard lives. (Not for as long as this lives, which
    /// a delivery that is kept holds.)
    pub(crate) fn take_scope(&self) -> Result<Option<Arc<ScopeInUse>>, OptionsError> {
        let Some(identity) = self.store.identity() else { return Ok(None) };
        let (in_use, is_taken) = identity.take(&self.scope);
        if is_taken && !self.options.share_scope && !is_worker() {
            return Err(OptionsError::ScopeInUse { scope: self.scope.clone() });
        }
        Ok(Some(in_use))
    }

    #[cfg(feature = "actix")]
    pub(crate) fn store_is_in_memory_of_this_thread(&self) -> bool {
        self.store.identity().is_some_and(StoreIdentity::is_in_memory_of_this_thread)
    }

    /// When the sender is answered, whatever the handler does.
    pub(crate) fn answer_by(&self, delivery: &Delivery) -> Instant {
        deadline(delivery.received(), self.options.response_deadline)
    }

    /// When the events of a batch are reported on, so that the report is the answer.
    pub(crate) fn report_by(&self, delivery: &Delivery) -> Instant {
        let response_deadline = self.options.response_deadline;
        let a_twentieth = response_deadline.checked_div(20).unwrap_or_default();
        deadline(delivery.received(), response_deadline.saturating_sub(a_twentieth))
    }

    /// When no more events of a batch are begun.
    pub(crate) fn give_up_at(&self, delivery: &Delivery) -> Instant {
        deadline(delivery.received(), self.options.handler_timeout)
    }

    pub(crate) async fn wait_idle(&self) {
        self.permits.wait_idle().await;
    }
}

//! Deduplication, whatever the framework: claim → handler → complete or release.

mod attempt;
mod background;
mod claim;
mod claimed;
mod finalize;
mod handle_once;
mod in_request;
mod key;
mod layer;
mod lease;
mod options;
mod permits;
mod renewal;
mod store_call;
mod store_health;

use std::sync::Arc;

use tokio::time::Instant;

pub(crate) use self::attempt::EventName;
#[cfg(feature = "tower")]
pub(crate) use self::background::Work;
pub(crate) use self::claimed::Claimed;
#[cfg(feature = "tower")]
pub(crate) use self::handle_once::handle_once;
#[cfg(feature = "actix")]
pub(crate) use self::handle_once::handle_once_locally;
pub(crate) use self::handle_once::{HandlerEnd, handle_event_once};
pub(crate) use self::in_request::InRequest;
pub use self::key::DedupeKey;
pub use self::layer::DedupeLayer;
pub use self::options::{DedupeOptions, OptionsError};
pub(crate) use self::permits::Permit;
use self::permits::Permits;
use self::store_health::StoreHealth;
use crate::Delivery;
use crate::deadline::deadline;
use crate::observe::{Incident, Incidents, Observation, Observers, Outcome};
use crate::rejection::Respond;
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
    incidents: Arc<Incidents>,
    observers: Observers,
    store_health: StoreHealth,
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
        let incidents = Arc::new(Incidents::default());
        let mut observers = options.observers.clone().with_built_in();
        observers.add(Arc::clone(&incidents) as _);
        Ok(Self {
            scope,
            store: SharedStore::new(store),
            permits: Permits::new(options.max_in_flight),
            incidents,
            observers,
            store_health: StoreHealth::default(),
            options,
        })
    }

    pub(crate) fn respond(&self) -> &Respond {
        &self.options.respond
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

    /// When the response is due, whatever the handler does.
    pub(crate) fn respond_by(&self, delivery: &Delivery) -> Instant {
        deadline(delivery.received(), self.options.response_deadline)
    }

    /// When the events of a batch are reported on, so that the report is the response.
    pub(crate) fn report_by(&self, delivery: &Delivery) -> Instant {
        let response_deadline = self.options.response_deadline;
        let a_twentieth = response_deadline.checked_div(20).unwrap_or_default();
        deadline(delivery.received(), response_deadline.saturating_sub(a_twentieth))
    }

    /// When no more events of a batch are begun.
    pub(crate) fn give_up_at(&self, delivery: &Delivery) -> Instant {
        deadline(delivery.received(), self.options.handler_timeout)
    }

    pub(crate) fn observe(
        &self,
        outcome: Outcome<'_>,
        delivery: &Delivery,
        event: Option<&EventName>,
    ) {
        self.observers.observe(&Observation {
            outcome,
            scope: Some(&self.scope),
            delivery_id: Some(delivery.id()),
            event_id: event.map(|event| event.id.as_str()),
            event_type: event.map(|event| event.event_type.as_str()).or(delivery.event_header()),
        });
    }

    pub(crate) async fn wait_idle(&self) {
        self.permits.wait_idle().await;
    }
}

//! Deduplication for all frameworks: claim the delivery, run the handler, complete or release.

mod attempt;
mod background;
mod claim;
mod claimed;
#[cfg(feature = "schemes")]
mod creation;
#[cfg(feature = "queue")]
mod entry;
mod finalize;
mod handle_once;
mod in_request;
mod key;
mod layer;
mod lease;
mod options;
mod permits;
mod released;
mod renewal;
mod store_call;
mod store_health;
mod subject;
mod times;

use std::sync::Arc;

use tokio::time::Instant;

#[cfg(feature = "tower")]
pub(crate) use self::background::Work;
pub(crate) use self::claimed::Claimed;
#[cfg(feature = "queue")]
pub(crate) use self::entry::{Ended, Entry, handle_entry_once};
#[cfg(feature = "tower")]
pub(crate) use self::handle_once::handle_once;
#[cfg(feature = "actix")]
pub(crate) use self::handle_once::handle_once_locally;
#[cfg(all(test, feature = "axum"))]
pub(crate) use self::handle_once::size_of_work;
pub(crate) use self::handle_once::{HandlerEnd, handle_event_once};
pub(crate) use self::in_request::InRequest;
pub use self::key::DedupeKey;
pub use self::layer::DedupeLayer;
pub use self::options::{DedupeOptions, OptionsError};
use self::permits::Permits;
pub(crate) use self::permits::SharedPermit;
use self::store_health::StoreHealth;
pub(crate) use self::subject::{EventName, Subject};
use self::times::Times;
use crate::deadline::deadline;
use crate::delivery::AnyDelivery;
use crate::observe::metrics::InFlight;
use crate::observe::{Incident, Incidents, LayerKind, Observation, Outcome, Timer};
use crate::rejection::Respond;
#[cfg(feature = "actix")]
use crate::store::StoreIdentity;
use crate::store::{Scope, ScopeInUse, SharedStore, Store};
use crate::worker_thread::is_worker_thread;

/// The state that all deliveries of one endpoint share.
#[derive(Debug)]
pub(crate) struct Dedupe {
    scope: Scope,
    store: SharedStore,
    options: DedupeOptions,
    /// The durations for the sender that the options name, computed once.
    times: Times,
    incidents: Incidents,
    store_health: StoreHealth,
    permits: Arc<Permits>,
}

impl Dedupe {
    pub(crate) fn new(
        scope: &str,
        store: impl Store,
        options: DedupeOptions,
        kind: LayerKind,
    ) -> Result<Self, OptionsError> {
        let mut options = options.checked()?;
        options.observers = options.observers.with_built_in(kind);
        let scope = Scope::new(scope)?;
        Ok(Self {
            permits: Permits::new(options.max_in_flight, InFlight::of(&scope)),
            scope,
            store: SharedStore::new(store),
            times: options.times(&options.terms),
            incidents: Incidents::default(),
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

    /// Marks the scope as in use for as long as the guard lives. The guard belongs to the layer:
    /// a `Dedupe` lives on in every delivery that a handler keeps.
    pub(crate) fn take_scope(&self) -> Result<Option<Arc<ScopeInUse>>, OptionsError> {
        self.take(&self.scope)
    }

    /// The same for the consumer of a queue, which keeps records of its own kind.
    #[cfg(feature = "queue")]
    pub(crate) fn take_scope_of_consumer(&self) -> Result<Option<Arc<ScopeInUse>>, OptionsError> {
        self.take(&self.scope.of_consumer())
    }

    fn take(&self, scope: &Scope) -> Result<Option<Arc<ScopeInUse>>, OptionsError> {
        let Some(identity) = self.store.identity() else { return Ok(None) };
        let (in_use, is_taken) = identity.take(scope);
        // A worker of actix-web creates its layers once for each address that its server listens
        // on, all with the same scope.
        if is_taken && !self.options.share_scope && !is_worker_thread() {
            return Err(OptionsError::ScopeInUse { scope: self.scope.clone() });
        }
        Ok(Some(in_use))
    }

    #[cfg(feature = "actix")]
    pub(crate) fn store_is_in_memory_of_this_thread(&self) -> bool {
        self.store.identity().is_some_and(StoreIdentity::is_in_memory_of_this_thread)
    }

    /// The durations that hold for this delivery.
    fn times(&self, delivery: &impl AnyDelivery) -> Times {
        let terms = delivery.accepted().terms();
        if *terms == self.options.terms { self.times } else { self.options.times(terms) }
    }

    /// The latest time for the report of a batch. It is 5 % before the response deadline:
    /// otherwise the sender would get a 503 in place of the report.
    pub(crate) fn report_by(&self, delivery: &impl AnyDelivery) -> Instant {
        let response_deadline = self.times(delivery).response_deadline;
        let margin = response_deadline.checked_div(20).unwrap_or_default();
        deadline(delivery.accepted().received(), response_deadline.saturating_sub(margin))
    }

    /// The time after which no more events of a batch are started.
    pub(crate) fn give_up_at(&self, delivery: &impl AnyDelivery) -> Instant {
        deadline(delivery.accepted().received(), self.times(delivery).handler_timeout)
    }

    pub(crate) fn observe(&self, outcome: Outcome<'_>, subject: &Subject) {
        self.tell(outcome, subject, false);
    }

    /// `is_split` says whether the events of the delivery have claims of their own.
    fn tell(&self, outcome: Outcome<'_>, subject: &Subject, is_split: bool) {
        self.incidents.count(&outcome);
        if self.options.observers.is_empty() {
            return;
        }
        self.options.observers.observe(&Observation {
            outcome,
            scope: Some(&self.scope),
            scheme: subject.scheme,
            delivery_id: Some(&subject.id),
            event_id: subject.event.as_ref().map(|event| event.id.as_str()),
            event_type: subject.event_type(),
            is_split,
        });
    }

    pub(crate) fn start_timer(&self) -> Timer {
        self.options.observers.start_timer()
    }

    pub(crate) async fn wait_idle(&self) {
        self.permits.wait_idle().await;
    }
}

//! Deduplication, whatever the framework: claim → handler → complete or release.

mod attached;
mod claim;
mod detached;
mod flow;
mod incident;
mod options;
mod panic;
mod run;
mod settle;
mod slots;

use std::sync::Arc;

pub(crate) use attached::Attached;
#[cfg(feature = "tower")]
pub(crate) use detached::Work;
pub(crate) use flow::handle_event_once;
#[cfg(feature = "tower")]
pub(crate) use flow::handle_once;
#[cfg(feature = "actix")]
pub(crate) use flow::handle_once_locally;
pub use incident::Incident;
pub use options::{DedupeOptions, OptionsError};

use tokio::time::Instant;

use self::incident::Incidents;
pub(crate) use self::slots::Slot;
use self::slots::Slots;
use crate::Delivery;
use crate::deadline::deadline;
use crate::store::{Scope, Store};

/// What all deliveries of one endpoint share.
#[derive(Debug)]
pub(crate) struct Dedupe {
    scope: Scope,
    /// Where events are claimed by their own ids.
    events: Scope,
    store: Arc<dyn Store>,
    options: DedupeOptions,
    incidents: Incidents,
    slots: Arc<Slots>,
    #[cfg(feature = "actix")]
    made_by: std::thread::ThreadId,
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
            events: scope.of_events(),
            scope,
            store: Arc::new(store),
            slots: Slots::new(options.max_in_flight),
            incidents: Incidents::default(),
            options,
            #[cfg(feature = "actix")]
            made_by: std::thread::current().id(),
        })
    }

    pub(crate) fn incidents(&self, incident: Incident) -> u64 {
        self.incidents.count_of(incident)
    }

    /// Whether it was made in the worker of an actix server that runs this.
    #[cfg(feature = "actix")]
    pub(crate) fn is_of_this_worker(&self) -> bool {
        let thread = std::thread::current();
        // With an actix system around the server, or without.
        let workers = ["actix-rt|system:", "actix-server worker"];
        let is_worker =
            thread.name().is_some_and(|name| workers.iter().any(|worker| name.starts_with(worker)));
        is_worker && self.made_by == thread.id()
    }

    /// When the sender is answered, whatever the handler does.
    pub(crate) fn answer_by(&self, delivery: &Delivery) -> Instant {
        deadline(delivery.received(), self.options.answer_deadline)
    }

    /// When the events of a batch are reported on, so that the report is the answer.
    pub(crate) fn report_by(&self, delivery: &Delivery) -> Instant {
        let answer_deadline = self.options.answer_deadline;
        let a_twentieth = answer_deadline.checked_div(20).unwrap_or_default();
        deadline(delivery.received(), answer_deadline.saturating_sub(a_twentieth))
    }

    pub(crate) async fn wait_idle(&self) {
        self.slots.wait_idle().await;
    }
}

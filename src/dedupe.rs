//! Deduplication, whatever the framework: claim → handler → complete or release.

mod attached;
mod claim;
mod flow;
mod incident;
mod options;
mod panic;
mod run;
mod settle;
mod slots;

use std::sync::Arc;

pub(crate) use attached::Attached;
pub(crate) use flow::handle_once;
pub use incident::Incident;
pub use options::{DedupeOptions, OptionsError};

use self::incident::Incidents;
use self::slots::Slots;
use crate::store::{Scope, Store};

/// What all deliveries of one endpoint share.
#[derive(Debug)]
pub(crate) struct Dedupe {
    scope: Scope,
    store: Arc<dyn Store>,
    options: DedupeOptions,
    incidents: Incidents,
    slots: Arc<Slots>,
}

impl Dedupe {
    pub(crate) fn new(
        scope: &str,
        store: impl Store,
        options: DedupeOptions,
    ) -> Result<Self, OptionsError> {
        let options = options.checked()?;
        Ok(Self {
            scope: Scope::new(scope)?,
            store: Arc::new(store),
            slots: Slots::new(options.max_in_flight),
            incidents: Incidents::default(),
            options,
        })
    }

    pub(crate) fn incidents(&self, incident: Incident) -> u64 {
        self.incidents.count_of(incident)
    }

    pub(crate) async fn wait_idle(&self) {
        self.slots.wait_idle().await;
    }
}

mod handled;
#[cfg(all(test, feature = "memory"))]
mod tests;

use std::fmt::Display;
use std::sync::Arc;

pub use self::handled::Handled;
use super::Envelope;
use crate::dedupe::{Dedupe, Entry, handle_entry_once};
use crate::observe::LayerKind;
use crate::observe::metrics::Attempts;
use crate::store::{ScopeInUse, Store};
use crate::{ClaimHandle, DedupeOptions, Incident, OptionsError};

/// The engine of [`DedupeLayer`](crate::DedupeLayer) without HTTP: it runs a worker's handler once for
/// each entry of a queue.
///
/// It claims the entry in a store, renews the lease while the handler runs, and completes or releases the
/// claim when the handler has ended. Entries are claimed by [`Envelope::id`], so a second copy of an
/// event is done already. Clones share everything.
///
/// ```
/// use nevent_webhooks::queue::{Envelope, Handled, Once};
/// use nevent_webhooks::store::MemoryStore;
/// use nevent_webhooks::{ClaimHandle, Event};
///
/// # struct Message; impl Message {
/// #     fn payload(&self) -> &[u8] { b"" }
/// #     async fn acknowledge(&self) {}
/// #     async fn retry_after(&self, _: std::time::Duration) {}
/// # }
/// async fn work(once: &Once, message: Message) -> Result<(), Box<dyn std::error::Error>> {
///     let envelope = Envelope::from_json(message.payload())?;
///     let handled = once.event(&envelope, handle).await;
///     match handled.retry_after() {
///         None => message.acknowledge().await, // Done, now or before.
///         Some(pause) => message.retry_after(pause).await,
///     }
///     Ok(())
/// }
///
/// async fn handle(envelope: Envelope, _: ClaimHandle) -> Result<(), nevent_webhooks::EventError> {
///     let event: Event = envelope.event()?;
///     println!("{}", event.id);
///     Ok(())
/// }
///
/// # fn main() -> Result<(), nevent_webhooks::OptionsError> {
/// let once = Once::new("tickets", MemoryStore::new())?;
/// # Ok(()) }
/// ```
///
/// # Records
///
/// The records are of a kind of their own. So a consumer may use the store and the scope of the receiver,
/// whose record of the delivery is completed as soon as the queue has it.
///
/// Give each consumer its own scope if several consumers handle the same entries for different purposes.
/// With one scope, only the first would handle an entry.
///
/// Records live for the [retention](DedupeOptions::retention), from the end of the handler: **31 days** by
/// default. It must be longer than the time from one copy of an entry to the next: the sender's retries, and
/// what a copy may wait in the queue and among the dead letters. A copy that comes later is handled again.
#[derive(Debug, Clone)]
#[must_use]
pub struct Once {
    dedupe: Arc<Dedupe>,
    attempts: Attempts,
    _scope_in_use: Option<Arc<ScopeInUse>>,
}

impl Once {
    /// Creates a consumer that keeps its records in this scope of the store, with the default options.
    ///
    /// # Errors
    ///
    /// As for [`DedupeLayer::new`](crate::DedupeLayer::new). [`OptionsError::ScopeInUse`] if another
    /// consumer has the scope in the same store.
    pub fn new(scope: &str, store: impl Store) -> Result<Self, OptionsError> {
        Self::with_options(scope, store, DedupeOptions::new())
    }

    /// Creates a consumer with your own options.
    ///
    /// The [handler timeout](DedupeOptions::handler_timeout), the [lease](DedupeOptions::lease), the
    /// [retention](DedupeOptions::retention), [`max_in_flight`](DedupeOptions::max_in_flight), the time
    /// limit for the store and the observers are those of a layer, and so is
    /// [`dangerously_run_when_store_fails`](DedupeOptions::dangerously_run_when_store_fails). Options about
    /// requests and responses have no effect. The default retention is 31 days.
    ///
    /// # Errors
    ///
    /// As for [`DedupeLayer::with_options`](crate::DedupeLayer::with_options).
    pub fn with_options(
        scope: &str,
        store: impl Store,
        options: DedupeOptions,
    ) -> Result<Self, OptionsError> {
        let kind = LayerKind::Consumer;
        let dedupe = Arc::new(Dedupe::new(scope, store, options.for_consumer(), kind)?);
        let attempts = Attempts::new(scope);
        Ok(Self { _scope_in_use: dedupe.take_scope_of_consumer()?, dedupe, attempts })
    }

    /// Runs the handler for this entry, unless the entry is done or in flight.
    ///
    /// The handler runs in a task of its own. If you drop the future, the handler continues. The lease is
    /// renewed from the start, and the handler is dropped at the handler timeout.
    ///
    /// With the claim the handler can complete the entry in its own transaction, as
    /// [`guide::exactly_once`](crate::guide::exactly_once) describes for deliveries:
    /// [`ClaimHandle::commit`], [`ClaimHandle::complete_in`], and
    /// [`RedisStore::complete_with`](crate::store::RedisStore::complete_with).
    ///
    /// A tenant's entries have records of their own, as its deliveries have.
    ///
    /// # Panics
    ///
    /// Outside a Tokio runtime.
    pub async fn event<T, E, F>(
        &self,
        envelope: &Envelope,
        handler: impl FnOnce(Envelope, ClaimHandle) -> F + Send + 'static,
    ) -> Handled<T, E>
    where
        T: Send + 'static,
        E: Display + Send + 'static,
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let entry = Entry {
            id: envelope.claim_id(),
            tenant: envelope.shared_tenant().cloned(),
            subject: envelope.subject(),
            traceparent: envelope.traceparent().map(ToOwned::to_owned),
        };
        self.attempts.started(envelope.received_at_millis());
        let ended = handle_entry_once(&self.dedupe, entry, envelope.clone(), handler).await;
        let end = Handled::of(ended);
        self.attempts.ended(end.as_str());
        end
    }

    /// Waits until no handler is running, including those whose caller has dropped its future. Call it at
    /// shutdown, when you take no more entries.
    pub async fn wait_idle(&self) {
        self.dedupe.wait_idle().await;
    }

    /// How often this incident has happened since the consumer was created.
    #[must_use]
    pub fn incidents(&self, incident: Incident) -> u64 {
        self.dedupe.incidents(incident)
    }
}

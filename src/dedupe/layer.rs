use std::sync::Arc;

use super::{Dedupe, DedupeOptions, OptionsError};
use crate::observe::Incident;
use crate::store::{ScopeInUse, Store};

/// Runs the handler once per delivery, and answers repeats itself.
///
/// A handler that answers 2xx has done the delivery; any other status, an error
/// or a panic releases it for a retry. A client that hangs up does not stop the
/// handler. Clones share everything; use one per endpoint, with a scope of its
/// own, and share the store between them in an [`Arc`].
///
/// It takes only requests that [`VerifyLayer`](crate::VerifyLayer) let through:
/// put both on a route in one call, `post(handler).route_layer((verify, dedupe))`. In
/// actix-web `WebhookMiddleware` is both.
///
/// A response with a [`Rejection`](crate::Rejection), its own or an extractor's, has the
/// [`DeliveryId`](crate::DeliveryId) in its extensions, as it was sent.
///
/// A handler that blocks its thread is outside its reach: it is not answered for
/// at the deadline nor dropped after its longest run. Use
/// `tokio::task::spawn_blocking` for blocking work.
///
/// ```
/// use nevent_webhooks::{DedupeLayer, store::MemoryStore};
///
/// let dedupe = DedupeLayer::new("tickets", MemoryStore::new())?;
/// assert!(DedupeLayer::new("", MemoryStore::new()).is_err());
/// # Ok::<(), nevent_webhooks::OptionsError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct DedupeLayer {
    pub(crate) dedupe: Arc<Dedupe>,
    _scope_in_use: Option<Arc<ScopeInUse>>,
}

impl DedupeLayer {
    /// Deduplicates within a scope of a store, with the default options.
    ///
    /// # Errors
    ///
    /// A scope that is empty, or has braces or control characters in it.
    pub fn new(scope: &str, store: impl Store) -> Result<Self, OptionsError> {
        Self::with_options(scope, store, DedupeOptions::new())
    }

    /// Deduplicates with options of your own.
    ///
    /// # Errors
    ///
    /// As [`DedupeLayer::new`], and what is dangerous among the options.
    pub fn with_options(
        scope: &str,
        store: impl Store,
        options: DedupeOptions,
    ) -> Result<Self, OptionsError> {
        let dedupe = Arc::new(Dedupe::new(scope, store, options)?);
        Ok(Self { _scope_in_use: dedupe.take_scope()?, dedupe })
    }

    /// Waits until no handler is at work, those included whose client has gone.
    /// For shutdown, once no more requests are taken. The events of a batch that go on in
    /// the background are waited for, too.
    pub async fn wait_idle(&self) {
        self.dedupe.wait_idle().await;
    }

    /// How often this has happened since the layer was made.
    #[must_use]
    pub fn incidents(&self, incident: Incident) -> u64 {
        self.dedupe.incidents(incident)
    }
}

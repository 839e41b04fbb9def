use std::sync::Arc;

use super::{Dedupe, DedupeOptions, OptionsError};
use crate::observe::{Incident, LayerKind};
use crate::store::{ScopeInUse, Store};

/// A Tower layer that runs the handler once per delivery and responds to repeats itself.
///
/// If the handler returns 2xx, the layer completes the delivery. On any other status, an error or a
/// panic it releases the delivery, and the sender's next retry runs the handler again. A client
/// that hangs up does not stop the handler.
///
/// The layer takes only requests that passed [`VerifyLayer`](crate::VerifyLayer). Put both on a
/// route in one call: `post(handler).route_layer((verify, dedupe))`. In actix-web,
/// `WebhookMiddleware` is both.
///
/// Create one layer per endpoint, each with its own scope. Clones share everything. Several layers
/// can share a store in an [`Arc`].
///
/// Each response with a [`Rejection`](crate::Rejection), the layer's or an extractor's, has the
/// [`DeliveryId`](crate::DeliveryId) that was sent in its extensions.
///
/// The layer cannot interrupt a handler that blocks its thread: such a handler gets no response at
/// the response deadline and is not dropped at the handler timeout. Use
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
    /// Creates a layer that keeps its records in this scope of the store, with the default options.
    ///
    /// # Errors
    ///
    /// [`OptionsError::Scope`] if the scope is empty, longer than 128 bytes, or contains braces or
    /// control characters. [`OptionsError::ScopeInUse`] if another layer has the scope in the same
    /// store.
    pub fn new(scope: &str, store: impl Store) -> Result<Self, OptionsError> {
        Self::with_options(scope, store, DedupeOptions::new())
    }

    /// Creates a layer with your own options.
    ///
    /// # Errors
    ///
    /// As [`DedupeLayer::new`], and the other variants of [`OptionsError`] for options that could
    /// lose a delivery or have one handled twice.
    pub fn with_options(
        scope: &str,
        store: impl Store,
        options: DedupeOptions,
    ) -> Result<Self, OptionsError> {
        let dedupe = Arc::new(Dedupe::new(scope, store, options, LayerKind::Deduplication)?);
        Ok(Self { _scope_in_use: dedupe.take_scope()?, dedupe })
    }

    /// Waits until no handler is running, including handlers and events of batches that run in the
    /// background. Call it at shutdown, when the server takes no more requests.
    ///
    /// Handlers end at the handler timeout at the latest, unless they block their thread.
    pub async fn wait_idle(&self) {
        self.dedupe.wait_idle().await;
    }

    /// How often this incident has happened since the layer was created.
    #[must_use]
    pub fn incidents(&self, incident: Incident) -> u64 {
        self.dedupe.incidents(incident)
    }
}

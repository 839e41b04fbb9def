use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::delivery::{Accepted, AnyDelivery, Proof, read_json};
use crate::scheme::Identity;
use crate::{ClaimHandle, DeliveryId, EventError, ReplayKeys};

/// A delivery that was accepted for its token. **Nothing shows that its body is genuine.**
///
/// [`TokenLayer`](crate::token::TokenLayer) puts it into the request's extensions. In axum and actix-web it is
/// an extractor.
///
/// ```
/// use nevent_webhooks::token::TokenDelivery;
///
/// async fn handle(delivery: TokenDelivery) {
///     println!("{}: {} bytes", delivery.id(), delivery.body().len());
///     println!("sent with the token {}", delivery.token().name());
/// }
/// ```
///
/// There is no proof of a signature:
///
/// ```compile_fail,E0599
/// # use nevent_webhooks::token::TokenDelivery;
/// async fn handle(delivery: TokenDelivery) {
///     delivery.verified();
/// }
/// ```
///
/// Code for signed deliveries does not take it:
///
/// ```compile_fail,E0308
/// # use nevent_webhooks::{Delivery, token::TokenDelivery};
/// fn charge(delivery: &Delivery) {}
///
/// async fn handle(delivery: TokenDelivery) {
///     charge(&delivery);
/// }
/// ```
#[derive(Clone)]
pub struct TokenDelivery(Accepted<TokenMatch>);

impl TokenDelivery {
    /// The delivery's id, by which it is deduplicated. If the sender gives no id, this is `sha256:` and
    /// the hash of the body in hex.
    #[must_use]
    pub fn id(&self) -> &DeliveryId {
        self.0.id()
    }

    /// Where the id comes from. It decides how the delivery is deduplicated.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.0.identity()
    }

    /// The body as it arrived. Nothing shows that it is what the sender sent.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        self.0.body()
    }

    /// Reads the body as your own type, from JSON: see [`Delivery::json`](crate::Delivery::json).
    ///
    /// ```
    /// use nevent_webhooks::Rejection;
    /// use nevent_webhooks::token::TokenDelivery;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Evento {
    ///     evento: String,
    /// }
    ///
    /// async fn handle(delivery: TokenDelivery) -> Result<(), Rejection> {
    ///     let Evento { evento } = delivery.json()?;
    ///     println!("{evento}");
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Delivery::json`](crate::Delivery::json).
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, EventError> {
        read_json(self.body())
    }

    /// The token that the request was accepted for. It says who sent the request, and nothing about
    /// the body.
    #[must_use]
    pub fn token(&self) -> &TokenMatch {
        self.0.proof()
    }

    /// The value of the header that names the event's type, if the layer knows such a header and there
    /// is one line of printable ASCII.
    #[must_use]
    pub fn event_header(&self) -> Option<&str> {
        self.0.event_header()
    }

    /// The value of the header that names the version of the body's format, if the layer knows such a
    /// header and there is one line of printable ASCII.
    #[must_use]
    pub fn version_header(&self) -> Option<&str> {
        self.0.version_header()
    }

    /// The claim under which the handler runs. `None` above [`DedupeLayer`](crate::DedupeLayer), or
    /// without one. With [`ClaimHandle::commit`] the handler completes the delivery in its own
    /// transaction.
    #[must_use]
    pub fn claim(&self) -> Option<&ClaimHandle> {
        self.0.claim()
    }
}

impl AnyDelivery for TokenDelivery {
    type Proof = TokenMatch;

    fn of(accepted: Accepted<TokenMatch>) -> Self {
        Self(accepted)
    }

    fn accepted(&self) -> &Accepted<TokenMatch> {
        &self.0
    }
}

/// Shows the body's length. The body itself contains personal data.
impl fmt::Debug for TokenDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The token that a request was accepted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMatch {
    pub(super) sender: &'static str,
    pub(super) token_name: Arc<str>,
    pub(super) body_end: i64,
}

impl TokenMatch {
    /// The name of the token that matched.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.token_name
    }

    /// The name of the sender, as the layer gives it: `"token"` unless you chose another.
    #[must_use]
    pub fn sender(&self) -> &'static str {
        self.sender
    }
}

impl Proof for TokenMatch {
    const DELIVERY: &'static str = "TokenDelivery";

    fn signed_id(&self) -> Option<&str> {
        None
    }

    fn replay_keys(&self) -> ReplayKeys {
        ReplayKeys::default()
    }

    fn replay_window(&self) -> Option<Duration> {
        None
    }

    fn body_end(&self) -> i64 {
        self.body_end
    }

    fn scheme(&self) -> &'static str {
        self.sender
    }

    fn tenant(&self) -> Option<&str> {
        None
    }
}

use std::sync::Arc;

use super::checks::Checks;
use super::options::VerifyOptions;
use super::request_head::RequestHead;
use super::tenant::{Tenant, Verifiers};
use crate::Verifier;

/// A Tower layer that forwards genuine and fresh deliveries, with their bodies read and verified,
/// and rejects everything else. It answers the signed handshakes of schemes such as Slack's itself: see
/// [`handshake`](crate::handshake).
///
/// Below the layer, a request has its [`Delivery`](crate::Delivery) in the extensions and, in
/// Tower, a [`VerifiedBody`](crate::VerifiedBody). The layer alone forwards every repeat: put a
/// [`DedupeLayer`](crate::DedupeLayer) below it.
///
/// The layer calls the inner service only after the delivery is verified. In Tower it also asks
/// whether the inner service is ready only then, so a forged request that stalls takes no permit of
/// a concurrency limit. actix-web asks all services whether they are ready before it has a request,
/// and the middleware forwards that question.
///
/// ```
/// use nevent_webhooks::{Secret, Verifier, VerifyLayer};
///
/// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
/// let verify = VerifyLayer::new(Verifier::new(secret));
/// # Ok::<(), nevent_webhooks::SecretError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifyLayer {
    pub(crate) checks: Arc<Checks>,
}

impl VerifyLayer {
    /// Creates a layer with this verifier and the default options.
    ///
    /// Keep a clone of the verifier to replace its secrets while the layer is in use: see
    /// [`Verifier::replace_secrets`].
    pub fn new<T, K>(verifier: Verifier<T, K>) -> Self {
        Self::with_options(verifier, VerifyOptions::new())
    }

    /// Creates a layer with your own options.
    pub fn with_options<T, K>(verifier: Verifier<T, K>, options: VerifyOptions) -> Self {
        Self::from_verifiers(Verifiers::One(verifier.erased()), options)
    }

    /// Creates a layer with a verifier per tenant, for a route that several senders use, each with
    /// its own secret.
    ///
    /// `tenant_of` looks at the head of a request and returns the tenant that the request
    /// claims to be for. Any part of the head will do, as an attacker who names another
    /// tenant still needs that tenant's secret. The tenant's name becomes part of the
    /// delivery's key in the store, so one tenant can neither block nor repeat the delivery
    /// ids of another. Handlers read it from [`Delivery::tenant`](crate::Delivery::tenant).
    ///
    /// If `tenant_of` returns `None`, the layer still reads the body and computes one MAC,
    /// then responds 401 `Invalid signature`, as it does to a wrong signature for a known
    /// tenant. The sender does not learn which tenants exist, and nothing is stored for
    /// them. A tenant with two secrets costs one more pass over the body, so the time of a
    /// response can tell that a rotation is under way.
    ///
    /// Unknown tenants are answered as tenants with Nevent's scheme. If your tenants have the scheme of
    /// another sender, name it with [`VerifyOptions::unknown_tenants_as`]. Otherwise a request without
    /// `X-Nevent-Signature` would tell a known tenant from an unknown one.
    ///
    /// Give each tenant a secret of its own. If two have the same secret, an attacker can send a
    /// captured request of one to the other.
    ///
    /// The function runs for every request, before anything is verified: it must be quick and
    /// must not block. Keep the tenants in memory and return clones, which share their
    /// secrets.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use nevent_webhooks::{
    ///     RequestHead, Secret, Tenant, Verifier, VerifyLayer, VerifyOptions,
    /// };
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let secret = Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?;
    /// let acme = Tenant::new("acme", Verifier::new(secret))?;
    /// let tenants = HashMap::from([("/webhooks/acme".to_owned(), acme)]);
    ///
    /// let tenant_of = move |head: &RequestHead<'_>| tenants.get(head.path()).cloned();
    /// let verify = VerifyLayer::per_tenant(tenant_of, VerifyOptions::new());
    /// # Ok(()) }
    /// ```
    pub fn per_tenant(
        tenant_of: impl Fn(&RequestHead<'_>) -> Option<Tenant> + Send + Sync + 'static,
        options: VerifyOptions,
    ) -> Self {
        let verifiers = Verifiers::per_tenant(tenant_of, options.unknown_tenants);
        Self::from_verifiers(verifiers, options)
    }

    fn from_verifiers(verifiers: Verifiers, options: VerifyOptions) -> Self {
        Self { checks: Arc::new(options.into_checks(verifiers)) }
    }

    /// The number of events whose `type` differs from the `X-Nevent-Event` header, among those that
    /// were read with [`Event`](crate::Event) or [`Batch`](crate::Batch), or rejected.
    /// Clones count together.
    #[cfg(feature = "events")]
    #[must_use]
    pub fn event_type_mismatches(&self) -> u64 {
        self.checks.event_types.mismatches()
    }

    /// The memory, in bytes, that unverified bodies hold now. Clones count together.
    #[must_use]
    pub fn unverified_bytes(&self) -> usize {
        self.checks.unverified_bytes()
    }

    /// The number of bodies that were rejected with 503 because they did not fit into the
    /// [budget](VerifyOptions::unverified_budget). Clones count together. Above 0, the
    /// receiver was flooded, or the budget is too small for its load.
    #[must_use]
    pub fn budget_rejections(&self) -> u64 {
        self.checks.budget_rejections()
    }
}

use std::fmt;
use std::sync::Arc;

use super::request::Head;
use super::request_head::RequestHead;
use crate::delivery::scope_flaw;
use crate::scheme::Sender;
use crate::{Rejection, Verification, Verified, Verifier, VerifyError};

/// One of several senders that use one route: a name, and the verifier for that sender's
/// deliveries. Cheap to clone.
///
/// See [`VerifyLayer::per_tenant`](crate::VerifyLayer::per_tenant).
///
/// ```
/// use nevent_webhooks::{Secret, Tenant, Verifier};
///
/// let verifier = Verifier::new(Secret::new("whsec_k5EKJQnf9sMX2vYzJdHG3L8pR")?);
/// let acme = Tenant::new("acme", verifier)?;
/// assert_eq!(acme.name(), "acme");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tenant {
    name: Arc<str>,
    verifier: Verifier,
}

impl Tenant {
    /// Creates a tenant with this name.
    ///
    /// The name becomes part of the key of each delivery in the store. Choose one that never
    /// changes, such as the tenant's id in your database. Under a new name, a retry of a completed
    /// delivery is handled once more.
    ///
    /// # Errors
    ///
    /// [`TenantError`] if the name is empty, longer than 128 bytes, or contains braces or
    /// control characters.
    pub fn new<T, K>(name: impl AsRef<str>, verifier: Verifier<T, K>) -> Result<Self, TenantError> {
        let name = name.as_ref();
        match scope_flaw(name) {
            None => Ok(Self { name: name.into(), verifier: verifier.erased() }),
            Some(reason) => Err(TenantError { name: name.to_owned(), reason }),
        }
    }

    /// The tenant's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

crate::text::debug_is_display!(TenantError);

/// The error for a name that a tenant cannot have.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the tenant's name {name:?} is {reason}: give a plain name, such as \"acme\"")]
pub struct TenantError {
    name: String,
    reason: &'static str,
}

type TenantOf = dyn Fn(&RequestHead<'_>) -> Option<Tenant> + Send + Sync;

/// The verifiers of a layer.
#[derive(Clone)]
pub(crate) enum Verifiers {
    One(Verifier),
    PerTenant { tenant_of: Arc<TenantOf>, decoy: Verifier },
}

/// The verifier for one request.
pub(super) enum Chosen<'a> {
    One(&'a Verifier),
    Tenant(Tenant),
    /// Computes a MAC as for any tenant. Otherwise the time of a response would tell an
    /// attacker which tenants exist.
    Decoy(&'a Verifier),
}

impl Verifiers {
    pub(super) fn per_tenant(
        tenant_of: impl Fn(&RequestHead<'_>) -> Option<Tenant> + Send + Sync + 'static,
        unknown: Sender,
    ) -> Self {
        Self::PerTenant { tenant_of: Arc::new(tenant_of), decoy: Verifier::decoy(unknown) }
    }

    pub(super) fn choose(&self, head: &impl Head) -> Chosen<'_> {
        match self {
            Self::One(verifier) => Chosen::One(verifier),
            Self::PerTenant { tenant_of, decoy } => match tenant_of(&head.request_head()) {
                Some(tenant) => Chosen::Tenant(tenant),
                None => Chosen::Decoy(decoy),
            },
        }
    }
}

impl Chosen<'_> {
    pub(super) fn verifier(&self) -> &Verifier {
        match self {
            Self::One(verifier) | Self::Decoy(verifier) => verifier,
            Self::Tenant(tenant) => &tenant.verifier,
        }
    }

    /// Starts the verification, or rejects the request.
    pub(super) fn begin<'a, L: Iterator<Item = &'a [u8]>>(
        &self,
        lines_of: impl Fn(&'static str) -> L,
    ) -> Result<Box<Verification>, Rejection> {
        self.verifier().begin_boxed(lines_of).map_err(|error| self.rejection(error))
    }

    /// The rejection of a signature, with the status that the sender expects.
    fn rejection(&self, error: VerifyError) -> Rejection {
        if self.is_401_fatal() {
            Rejection::SignatureForbidden(error)
        } else {
            Rejection::Signature(error)
        }
    }

    fn is_401_fatal(&self) -> bool {
        self.verifier().sender().terms.is_401_fatal
    }

    /// Ends the verification, whose proof has the tenant's name. An unknown tenant gets no proof, even if
    /// the sender signs with the decoy's key.
    pub(super) fn finish(
        &self,
        verification: &mut Verification,
        now: i64,
    ) -> Result<Verified, Rejection> {
        let verified = verification.check_all(now).map_err(|error| self.rejection(error));
        match self {
            Self::One(_) => verified,
            Self::Tenant(tenant) => Ok(verified?.of_tenant(Arc::clone(&tenant.name))),
            Self::Decoy(_) if self.is_401_fatal() => Err(Rejection::UnknownTenantForbidden),
            Self::Decoy(_) => Err(Rejection::UnknownTenant),
        }
    }
}

impl fmt::Debug for Verifiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(verifier) => verifier.fmt(f),
            Self::PerTenant { .. } => f.write_str("PerTenant"),
        }
    }
}

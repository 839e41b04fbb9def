use std::fmt;
use std::sync::Arc;

/// The name of an endpoint within a store, 1 to 128 bytes long. The same id in two scopes belongs to
/// two deliveries.
///
/// With a verifier per tenant, each tenant has its own scope within the endpoint's scope. The name of
/// that scope is the endpoint's name, `\u{2}` and the tenant's name, so the longest name that a
/// store sees has 257 bytes.
///
/// Choose a name that stays the same when the secret is rotated, such as `"tickets"`. Never
/// derive it from a secret.
///
/// ```
/// use nevent_webhooks::store::Scope;
///
/// assert!("tickets".parse::<Scope>().is_ok());
/// assert!("".parse::<Scope>().is_err());
/// assert!("{tickets}".parse::<Scope>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope(Arc<str>);

impl Scope {
    /// Creates a scope with this name.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] if the name is empty, longer than 128 bytes, or contains a brace or a control
    /// character. Braces are not allowed because Redis Cluster chooses a key's node by the text in
    /// braces.
    pub fn new(name: impl AsRef<str>) -> Result<Self, ScopeError> {
        let name = name.as_ref();
        match flaw(name) {
            None => Ok(Self(name.into())),
            Some(reason) => Err(ScopeError { scope: name.to_owned(), reason }),
        }
    }

    /// The scope of one tenant within this scope. Delivery ids are not signed: with a shared scope,
    /// one tenant could block or repeat the ids of another. No other scope contains the separator.
    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn of_tenant(&self, tenant: &str) -> Self {
        Self(format!("{}\u{2}{tenant}", self.0).into())
    }

    /// The endpoint's name, without the tenant's.
    #[cfg(feature = "queue")]
    pub(crate) fn of_endpoint(&self) -> &str {
        self.0.split_once('\u{2}').map_or(&self.0, |(endpoint, _)| endpoint)
    }

    /// What the consumer of a queue registers in the place of this scope, so that a receiver may use the
    /// scope in the same process.
    #[cfg(feature = "queue")]
    pub(crate) fn of_consumer(&self) -> Self {
        Self(format!("{}\u{3}", self.0).into())
    }

    /// The scope's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Scope {
    type Err = ScopeError;

    fn from_str(name: &str) -> Result<Self, ScopeError> {
        Self::new(name)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Why a text cannot name a scope, or a tenant within one. `None` if it can.
pub(crate) fn flaw(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("empty")
    } else if name.len() > 128 {
        Some("longer than 128 bytes")
    } else if name.contains(['{', '}']) || name.contains(char::is_control) {
        Some("with a brace or a control character in it")
    } else {
        None
    }
}

crate::text::debug_is_display!(ScopeError);

/// The error for a name that a scope cannot have.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the scope {scope:?} is {reason}: give the endpoint a plain name, such as \"tickets\"")]
pub struct ScopeError {
    scope: String,
    reason: &'static str,
}

#[cfg(all(test, any(feature = "tower", feature = "actix", feature = "queue")))]
mod tests {
    use super::*;

    #[test]
    fn no_tenants_scope_is_another_scope() {
        let scope = Scope::new("tickets").expect("a name");
        let of_tenant = |tenant| scope.of_tenant(tenant);
        let all = [
            scope.clone(),
            Scope::new("ticketsacme").expect("a name"),
            of_tenant("tickets"),
            of_tenant("acme"),
        ];
        let different: std::collections::HashSet<_> = all.iter().map(Scope::as_str).collect();
        assert_eq!(different.len(), all.len());
        assert!(all[2..].iter().all(|scope| Scope::new(scope.as_str()).is_err()));
    }
}

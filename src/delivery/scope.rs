use std::fmt;
use std::sync::Arc;

/// The name of an endpoint within a store: the same delivery id under two scopes
/// is two deliveries.
///
/// Beside each endpoint's scope there is one for its events, which have ids of their own
/// (see [`DedupeOptions::by_event_id`](crate::DedupeOptions::by_event_id)): a store sees
/// its name followed by `\u{1}events`, and takes it for any other. With a verifier per tenant,
/// each tenant has a scope of its own within the endpoint's, whose name goes on with
/// `\u{2}` and the tenant's. So the longest name a store sees has 264 bytes.
///
/// Choose a name that outlives a rotation (`"tickets"`); never derive it from a
/// secret.
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
    /// Names a scope.
    ///
    /// # Errors
    ///
    /// Refuses an empty name, one longer than 128 bytes, and braces or control
    /// characters (Redis Cluster places keys by what stands in braces).
    pub fn new(name: impl AsRef<str>) -> Result<Self, ScopeError> {
        let name = name.as_ref();
        let reason = if name.is_empty() {
            "empty"
        } else if name.len() > 128 {
            "longer than 128 bytes"
        } else if name.contains(['{', '}']) || name.contains(char::is_control) {
            "with a brace or a control character in it"
        } else {
            return Ok(Self(name.into()));
        };
        Err(ScopeError { scope: name.to_owned(), reason })
    }

    /// Where the events of an endpoint are claimed by their own ids, which are signed:
    /// a namespace that no delivery id, which is not, can reach. No name of yours can
    /// be this one.
    #[cfg(any(feature = "tower", feature = "actix", feature = "conformance"))]
    pub(crate) fn of_events(&self) -> Self {
        Self(format!("{}\u{1}events", self.0).into())
    }

    /// The scope of one tenant within this one. Tenants have no say in each other's
    /// delivery ids, which are unsigned. The separator is in no name and differs from that of
    /// [`Scope::of_events`], so a tenant's scope is no other scope.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn of_tenant(&self, tenant: &str) -> Self {
        Self(format!("{}\u{2}{tenant}", self.0).into())
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

crate::text::debug_is_display!(ScopeError);

/// A text that cannot be a scope.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the scope {scope:?} is {reason}: give the endpoint a plain name, such as \"tickets\"")]
pub struct ScopeError {
    scope: String,
    reason: &'static str,
}

#[cfg(all(test, any(feature = "tower", feature = "actix")))]
mod tests {
    use super::*;

    #[test]
    fn no_tenants_scope_is_another_scope() {
        let scope = Scope::new("tickets").expect("a name");
        let of_tenant = |tenant| scope.of_tenant(tenant);
        let all = [
            scope.clone(),
            scope.of_events(),
            of_tenant("events"),
            of_tenant("acme"),
            of_tenant("acme").of_events(),
            Scope::new("ticketsacme").expect("a name"),
        ];
        let different: std::collections::HashSet<_> = all.iter().map(Scope::as_str).collect();
        assert_eq!(different.len(), all.len());
        assert!(all[1..5].iter().all(|scope| Scope::new(scope.as_str()).is_err()));
    }
}

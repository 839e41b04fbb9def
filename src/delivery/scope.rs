use std::fmt;
use std::sync::Arc;

/// The name of an endpoint within a store, 1 to 128 bytes long. The same id in two scopes
/// belongs to two deliveries.
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
    /// Checks the name of a scope.
    ///
    /// # Errors
    ///
    /// The name is empty, is longer than 128 bytes, or has a brace or a control character in it.
    /// (Redis Cluster chooses a key's node by the text in braces.)
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

/// A name that a scope cannot have.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the scope {scope:?} is {reason}: give the endpoint a plain name, such as \"tickets\"")]
pub struct ScopeError {
    scope: String,
    reason: &'static str,
}

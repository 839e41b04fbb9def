use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The error that ended a request's body early.
///
/// It dereferences to the original error, which is also the `source` of the
/// [`Rejection`](crate::Rejection). Cheap to clone. Two are equal if their texts are equal.
///
/// ```
/// use nevent_webhooks::BodyError;
///
/// let reset = BodyError::new(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
/// assert!(reset.downcast_ref::<std::io::Error>().is_some());
/// ```
#[derive(Clone)]
pub struct BodyError(Arc<dyn Error + Send + Sync>);

impl BodyError {
    /// Wraps an error.
    #[must_use]
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into().into())
    }
}

/// A `BodyError` does not implement [`Error`] itself. Otherwise it would be the `source` of a
/// rejection, and the error inside could not be downcast.
impl Deref for BodyError {
    type Target = dyn Error + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl PartialEq for BodyError {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for BodyError {}

impl fmt::Debug for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

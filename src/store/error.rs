use std::error::Error;

/// An operation that a store could not carry out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// All records are in flight, and a record in flight is never evicted.
    #[error("the store is full of deliveries in flight: raise its capacity above {capacity}")]
    Full {
        /// The number of records that the store may hold.
        capacity: usize,
    },
    /// The store cannot be reached, takes too long, or reports an error.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// The error of a database or a network, as [`StoreError::Unavailable`].
    ///
    /// ```
    /// use nevent_webhooks::store::StoreError;
    ///
    /// fn query() -> std::io::Result<u64> {
    ///     Err(std::io::ErrorKind::ConnectionRefused.into())
    /// }
    ///
    /// let error = query().map_err(StoreError::unavailable).unwrap_err();
    /// assert!(matches!(error, StoreError::Unavailable(_)));
    /// ```
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn too_slow() -> Self {
        Self::unavailable("it did not answer in time")
    }

    #[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
    pub(crate) fn panicked() -> Self {
        Self::unavailable("it panicked: that is a bug of the store")
    }
}

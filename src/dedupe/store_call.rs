use std::time::Duration;

use crate::deadline::within;
use crate::panic::catch_panic;
use crate::store::StoreError;

/// Calls the store and waits at most `limit` for the answer.
///
/// # Errors
///
/// The store's own error, or one that says that the store panicked or was too slow. The call may
/// have taken effect all the same.
pub(super) async fn ask<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match within(limit, catch_panic(call)).await {
        Some(Some(answer)) => answer,
        Some(None) => Err(StoreError::panicked()),
        None => Err(StoreError::too_slow()),
    }
}

use std::time::Duration;

use crate::deadline::within;
use crate::panic::catch_panic;
use crate::store::StoreError;

/// Asks the store and waits for its answer, for at most `limit`.
///
/// # Errors
///
/// The store's own error; or the store panicked or was too slow. In those cases the call may or
/// may not have taken effect.
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

use std::time::Duration;

use tokio::time::timeout;

use crate::panic::catch_panic;
use crate::store::StoreError;

/// The store's answer. A store that panics, or is too slow, has failed: as far as is
/// known, it has done nothing.
pub(super) async fn ask<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(limit, catch_panic(call)).await {
        Ok(Some(answer)) => answer,
        Ok(None) => Err(StoreError::panicked()),
        Err(_) => Err(StoreError::too_slow()),
    }
}

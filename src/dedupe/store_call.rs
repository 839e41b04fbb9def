use std::time::Duration;

use crate::deadline::within;
use crate::panic::{catch, catch_panic};
use crate::store::{Call, StoreError};

/// Calls the store and waits at most `limit` for the answer.
///
/// # Errors
///
/// The store's own error, or one that says that the store panicked or was too slow. The call may
/// have taken effect all the same.
pub(super) async fn ask<'a, T>(
    limit: Duration,
    call: impl FnOnce() -> Call<'a, T>,
) -> Result<T, StoreError> {
    match catch(call) {
        None => Err(StoreError::panicked()),
        Some(Call::Answered(answer)) => answer,
        Some(Call::Waiting(future)) => match within(limit, catch_panic(future)).await {
            None => Err(StoreError::too_slow()),
            Some(None) => Err(StoreError::panicked()),
            Some(Some(answer)) => answer,
        },
    }
}

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
    let answer = match catch(call) {
        Some(Call::Answered(answer)) => return answer,
        Some(Call::Waiting(future)) => within(limit, catch_panic(future)).await,
        None => Some(None),
    };
    answer.ok_or_else(StoreError::too_slow)?.ok_or_else(StoreError::panicked)?
}

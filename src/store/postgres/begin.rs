use std::time::Duration;

use super::PostgresOptions;

/// The statements that open the store's transactions.
pub(super) struct Begin {
    /// For the operations. `None` if each can be a single statement, which is cheaper: under the
    /// usual settings a statement sees what another claim has just committed, and is not cut short.
    ///
    /// A claim may be made after its client has given up. It belongs to nobody, and ends with its
    /// lease.
    pub(super) operation: Option<String>,
    pub(super) clean_up: String,
}

const LONGEST_WAIT_FOR_A_ROW: Duration = Duration::from_secs(1);

impl Begin {
    pub(super) fn new(options: &PostgresOptions, settings_are_usual: bool) -> Self {
        let operation = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {}",
            millis(options.command_timeout),
        );
        let clean_up = format!("{operation}; SET LOCAL synchronous_commit = off");
        Self { operation: Some(operation).filter(|_| !settings_are_usual), clean_up }
    }
}

/// How long an operation waits for a lock, as `lock_timeout` takes it. The holder may be a handler's
/// transaction that never ends.
pub(super) fn lock_timeout(options: &PostgresOptions) -> String {
    format!("{}ms", millis(options.command_timeout.min(LONGEST_WAIT_FOR_A_ROW)))
}

/// Zero would mean no limit, and more than fits into 31 bits is refused.
fn millis(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1)
}

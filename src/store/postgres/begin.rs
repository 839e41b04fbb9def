use std::time::Duration;

use super::PostgresOptions;

/// The statements that open the store's transactions.
///
/// The database may have another default isolation, in which a claim would not see what another has
/// just committed. No statement goes on when nobody waits for its answer any more. A row is waited
/// for even less, because its holder may be a handler's transaction that never ends.
pub(super) struct Begin {
    pub(super) claim: String,
    pub(super) other: String,
    pub(super) clean_up: String,
}

const LONGEST_WAIT_FOR_A_ROW: Duration = Duration::from_secs(1);

impl Begin {
    pub(super) fn new(options: &PostgresOptions) -> Self {
        let limit = options.command_timeout;
        let other = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {}; \
             SET LOCAL lock_timeout = {}",
            millis(limit),
            millis(limit.min(LONGEST_WAIT_FOR_A_ROW)),
        );
        // Not by the functions themselves: what a function sets is undone before the commit.
        let asynchronous = format!("{other}; SET LOCAL synchronous_commit = off");
        let claim = if options.asynchronous_claims { &asynchronous } else { &other };
        Self { claim: claim.clone(), clean_up: asynchronous.clone(), other }
    }
}

/// Zero would mean no limit, and more than fits into 31 bits is refused.
fn millis(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1)
}

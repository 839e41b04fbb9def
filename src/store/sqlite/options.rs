use std::time::Duration;

use super::SqliteStoreError;
use crate::deadline::NEVER;

/// The durability and the timeout of a [`SqliteStore`](super::SqliteStore).
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::store::SqliteOptions;
///
/// let options = SqliteOptions::new().busy_timeout(Duration::from_millis(500));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SqliteOptions {
    pub(super) busy_timeout: Duration,
    pub(super) synchronous_normal: bool,
}

impl SqliteOptions {
    /// Returns the defaults.
    pub fn new() -> Self {
        Self { busy_timeout: Duration::from_secs(1), synchronous_normal: false }
    }

    /// Sets how long an operation waits for a write transaction of another connection to end, such as
    /// a handler's. Default 1 s. After that it fails, and the layer answers 503.
    ///
    /// Keep it below the `store_timeout` of `DedupeOptions`. Otherwise the layer gives up first, and
    /// log lines do not tell why the store was too slow.
    pub fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.busy_timeout = busy_timeout;
        self
    }

    /// Sets `PRAGMA synchronous = NORMAL` for the store's connection. Default `false`, which is `FULL`.
    ///
    /// With `FULL` a completion waits for the disk. With `NORMAL` it does not, and is faster. A crash or a
    /// restart of the process loses nothing. A power cut or a crash of the operating system may lose
    /// the last seconds' claims and completions: the sender was told 2xx, and a delivery that the
    /// sender repeats is then handled a second time.
    pub fn synchronous_normal(mut self, synchronous_normal: bool) -> Self {
        self.synchronous_normal = synchronous_normal;
        self
    }

    pub(super) fn checked(self) -> Result<Self, SqliteStoreError> {
        if self.busy_timeout.is_zero() {
            let reason = "the busy timeout is zero: each transaction of another connection would \
                fail the store's operations";
            return Err(SqliteStoreError::Options { reason: reason.to_owned() });
        }
        Ok(Self { busy_timeout: self.busy_timeout.min(NEVER), ..self })
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self::new()
    }
}

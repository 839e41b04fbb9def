use std::time::Duration;

use super::RedisStoreError;

/// How a [`RedisStore`](super::RedisStore) speaks to its server.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisOptions {
    pub(super) prefix: String,
    pub(super) connect_timeout: Duration,
    pub(super) command_timeout: Duration,
}

impl RedisOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            prefix: "nevent:".to_owned(),
            connect_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_secs(1),
        }
    }

    /// What the store's keys begin with, should others live in the same database.
    /// Default `nevent:`. No braces: Redis Cluster places keys by what stands in
    /// them, and there they hold the scope.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How long one try to connect may take, all that is said at its beginning
    /// included. Default 1 s.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// How long a command may take, a second try over a new connection included.
    /// Default 1 s; keep it below the `store_timeout` of `DedupeOptions`, or log
    /// lines will not tell why the store was too slow.
    pub fn command_timeout(mut self, command_timeout: Duration) -> Self {
        self.command_timeout = command_timeout;
        self
    }

    pub(super) fn checked(self) -> Result<Self, RedisStoreError> {
        let reason = if self.prefix.contains(['{', '}']) {
            "a key prefix with a brace in it: Redis Cluster would place keys by it"
        } else if self.prefix.len() > 128 {
            "a key prefix longer than 128 bytes: every key begins with it"
        } else if self.connect_timeout.is_zero() || self.command_timeout.is_zero() {
            "a timeout of zero: nothing could ever be in time"
        } else {
            return Ok(self);
        };
        Err(RedisStoreError::Options { reason })
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new()
    }
}

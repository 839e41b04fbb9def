use std::time::Duration;

use super::RedisStoreError;
use crate::deadline::NEVER;

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
    /// included. Default 1 s; behind Sentinel three times as long, for they are asked
    /// first; to each node of a Cluster a third of it.
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
        let Self { prefix, connect_timeout, command_timeout } = &self;
        let reason = if prefix.contains(['{', '}']) {
            format!("the key prefix {prefix:?} has a brace: Redis Cluster would place keys by it")
        } else if prefix.len() > 128 {
            format!("the key prefix {prefix:?} is longer than 128 bytes: every key begins with it")
        } else if connect_timeout.is_zero() {
            "a connect timeout of zero: no connection could be in time".to_owned()
        } else if command_timeout.is_zero() {
            "a command timeout of zero: no answer could be in time".to_owned()
        } else {
            return Ok(Self {
                connect_timeout: self.connect_timeout.min(NEVER),
                command_timeout: self.command_timeout.min(NEVER),
                ..self
            });
        };
        Err(RedisStoreError::Options { reason })
    }
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_right_is_refused_with_its_value() {
        let refused = |options: RedisOptions| options.checked().expect_err("refused").to_string();
        assert!(refused(RedisOptions::new().prefix("a{b")).contains("\"a{b\" has a brace"));
        assert!(refused(RedisOptions::new().prefix("x".repeat(129))).contains("longer than 128"));
        let no_time = Duration::ZERO;
        assert!(refused(RedisOptions::new().connect_timeout(no_time)).contains("connect timeout"));
        assert!(refused(RedisOptions::new().command_timeout(no_time)).contains("command timeout"));
        assert!(RedisOptions::new().prefix("x".repeat(128)).checked().is_ok());
    }

    #[test]
    fn endless_timeouts_can_be_reckoned_with() {
        let endless = RedisOptions::new().connect_timeout(Duration::MAX);
        let endless = endless.command_timeout(Duration::MAX).checked().expect("safe");
        assert_eq!((endless.connect_timeout, endless.command_timeout), (NEVER, NEVER));
    }
}

use std::time::Duration;

use super::RedisStoreError;
use crate::deadline::NEVER;

/// The key prefix and the timeouts of a [`RedisStore`](super::RedisStore).
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::store::RedisOptions;
///
/// let options = RedisOptions::new()
///     .prefix("shop:")
///     .connect_timeout(Duration::from_millis(500))
///     .command_timeout(Duration::from_millis(500));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisOptions {
    pub(super) prefix: String,
    pub(super) connect_timeout: Duration,
    pub(super) command_timeout: Duration,
}

impl RedisOptions {
    /// Returns the defaults.
    pub fn new() -> Self {
        Self {
            prefix: "nevent:".to_owned(),
            connect_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_secs(1),
        }
    }

    /// Sets the beginning of the store's keys, for a database that others use too.
    ///
    /// Default `nevent:`. At most 128 bytes, and no braces: Redis Cluster places a key by the
    /// text in its braces, which is to be the scope.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long one attempt to connect may take, login included.
    ///
    /// Default 1 s. With Sentinels an attempt may take three times as long, because they are
    /// asked first. With a Cluster, each node may take a third of it.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets how long a command may take, a second attempt over a new connection included.
    ///
    /// Default 1 s. Keep it below the `store_timeout` of `DedupeOptions`. Otherwise the layer
    /// gives up first, and log lines do not tell why the store was too slow.
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
            "the connect timeout is zero: no connection could be in time".to_owned()
        } else if command_timeout.is_zero() {
            "the command timeout is zero: no answer could be in time".to_owned()
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
    fn impossible_options_are_refused_with_their_values() {
        let refused = |options: RedisOptions| options.checked().expect_err("refused").to_string();
        assert!(refused(RedisOptions::new().prefix("a{b")).contains("\"a{b\" has a brace"));
        assert!(refused(RedisOptions::new().prefix("x".repeat(129))).contains("longer than 128"));
        let no_time = Duration::ZERO;
        assert!(refused(RedisOptions::new().connect_timeout(no_time)).contains("connect timeout"));
        assert!(refused(RedisOptions::new().command_timeout(no_time)).contains("command timeout"));
        assert!(RedisOptions::new().prefix("x".repeat(128)).checked().is_ok());
    }

    #[test]
    fn endless_timeouts_do_not_overflow() {
        let endless = RedisOptions::new().connect_timeout(Duration::MAX);
        let endless = endless.command_timeout(Duration::MAX).checked().expect("safe");
        assert_eq!((endless.connect_timeout, endless.command_timeout), (NEVER, NEVER));
    }
}

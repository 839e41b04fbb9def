use std::time::Duration;

use super::PostgresStoreError;
use crate::deadline::NEVER;

/// The schema, the pool and the timeouts of a [`PostgresStore`](super::PostgresStore).
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::store::PostgresOptions;
///
/// let options = PostgresOptions::new()
///     .schema("webhooks")
///     .connections(4)
///     .command_timeout(Duration::from_millis(500));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PostgresOptions {
    pub(super) schema: String,
    pub(super) connections: usize,
    pub(super) connect_timeout: Duration,
    pub(super) command_timeout: Duration,
    pub(super) asynchronous_claims: bool,
}

impl PostgresOptions {
    /// Returns the defaults.
    pub fn new() -> Self {
        Self {
            schema: "nevent_webhooks".to_owned(),
            connections: 8,
            connect_timeout: Duration::from_secs(1),
            command_timeout: Duration::from_secs(1),
            asynchronous_claims: false,
        }
    }

    /// Sets the schema of the store's tables and functions. Default `nevent_webhooks`. 1 to 63 bytes,
    /// as PostgreSQL allows, without `$` and control characters.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Sets how many connections the store may have. Default 8.
    ///
    /// Count them beside those of your own pool and of all other processes: together they must stay
    /// below the server's `max_connections`.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Sets how long one attempt to connect may take, login included. Default 1 s.
    ///
    /// If the URL names several hosts, each has an equal share of this time to accept the connection, and
    /// one share is left for the login. The URL's own `connect_timeout` can make the share shorter.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets how long an operation may take, the wait for a connection included. Default 1 s.
    ///
    /// Keep it below the `store_timeout` of `DedupeOptions`. Otherwise the layer gives up first, and
    /// log lines do not tell why the store was too slow.
    pub fn command_timeout(mut self, command_timeout: Duration) -> Self {
        self.command_timeout = command_timeout;
        self
    }

    /// Lets claims return before they are on the server's disk (`synchronous_commit = off`). Default
    /// `false`.
    ///
    /// After a crash of the server, the claims of its last moments may be lost, and their deliveries
    /// may be claimed again while their handlers still run. That is safe only if every handler
    /// completes its delivery in its own transaction, with
    /// [`Delivery::commit`](crate::Delivery::commit).
    pub fn asynchronous_claims(mut self, asynchronous_claims: bool) -> Self {
        self.asynchronous_claims = asynchronous_claims;
        self
    }

    pub(super) fn checked(self) -> Result<Self, PostgresStoreError> {
        let Self { schema, connections, connect_timeout, command_timeout, .. } = &self;
        check_schema(schema)?;
        let reason = if *connections == 0 {
            "the store may have no connection: allow at least 1, better 4".to_owned()
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
        Err(PostgresStoreError::Options { reason })
    }
}

/// Checks the name of a schema. It is a part of the functions' texts, which `$` would end.
pub(super) fn check_schema(schema: &str) -> Result<(), PostgresStoreError> {
    let is_too_long = schema.is_empty() || schema.len() > 63;
    if !is_too_long && !schema.contains('$') && !schema.contains(char::is_control) {
        return Ok(());
    }
    let reason = format!(
        "the schema {schema:?} is not allowed: give it a name of 1 to 63 bytes, without `$` and control \
         characters"
    );
    Err(PostgresStoreError::Options { reason })
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self::new()
    }
}

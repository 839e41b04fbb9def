use nevent_webhooks::store::RedisStoreError;

crate::debug::debug_is_display!(RedisStreamsError);

/// Why a server cannot hold the queue, or did not answer. Each is one line, without the password.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RedisStreamsError {
    /// The URL is not that of one server.
    #[error("not the URL of one Redis server, such as redis://localhost:6379")]
    Url(#[source] redis::RedisError),
    /// The store for the receiver's records did not open.
    #[error(transparent)]
    Store(#[from] RedisStoreError),
    /// The server could not be reached, did not answer, or answered with an error.
    #[error("Redis at {server} failed")]
    #[non_exhaustive]
    Failed {
        /// Its address.
        server: String,
        /// Its answer, or what happened to the connection.
        source: redis::RedisError,
    },
    /// The server is configured so that it loses entries.
    #[error("Redis at {server} has {setting} {value}, which loses entries: set {instead}")]
    #[non_exhaustive]
    LosesEntries {
        /// Its address.
        server: String,
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What to do.
        instead: &'static str,
    },
    /// The server does not tell how it is configured.
    #[error(
        "Redis at {server} does not answer CONFIG GET appendfsync: allow it (+config|get), or vouch for \
         the setting with dangerously_allow_unchecked_configuration"
    )]
    #[non_exhaustive]
    Unchecked {
        /// Its address.
        server: String,
        /// Its answer.
        source: redis::RedisError,
    },
    /// The server is of a kind that the worker cannot use.
    #[error("Redis at {server} is {kind}: {instead}")]
    #[non_exhaustive]
    Unsuitable {
        /// Its address.
        server: String,
        /// What it is.
        kind: String,
        /// What to do.
        instead: &'static str,
    },
}

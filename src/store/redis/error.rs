use redis::{ErrorKind, RedisError, ServerErrorKind};

crate::readable::debug_is_display!(RedisStoreError);

/// What is wrong with a Redis server, or with what was said of it.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RedisStoreError {
    /// Not the URL of a Redis server, Sentinel or Cluster.
    #[error(
        "the Redis URL {url:?} is {reason}: write redis://[user:password@]host[:port][/database], \
         redis-sentinel://host,host/[database]?master=name or redis-cluster://host,host"
    )]
    Url {
        /// The URL, without its user and password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Options that cannot be right.
    #[error("{reason}")]
    Options {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// The server could not be reached, did not answer, or refused.
    #[error("Redis at {server}: {}{}", said(error), advice(error))]
    Failed {
        /// Where it is.
        server: String,
        /// What the `redis` crate says.
        error: RedisError,
    },
    /// The server is older than what this store is known to work with.
    #[error("Redis at {server} is version {version}: {LEAST_VERSION} or later is needed")]
    TooOld {
        /// Where it is.
        server: String,
        /// What it says its version is.
        version: String,
    },
    /// The server answered what the store's scripts never answer.
    #[error("Redis at {server} answered {answer}: is it a Redis server, and is its data ours?")]
    Nonsense {
        /// Where it is.
        server: String,
        /// What it answered.
        answer: String,
    },
}

/// Whose scripts replicate by their effects, with users and their permissions.
pub(super) const LEAST_VERSION: &str = "6.0";

fn said(error: &RedisError) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}

/// What to do about it.
fn advice(error: &RedisError) -> &'static str {
    match (error.kind(), error.code()) {
        (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS" | "NOAUTH")) => {
            ". Check the user and the password in the URL"
        }
        _ if is_not_permitted(error) => ". Give its user the permissions that `RedisStore` names",
        (ErrorKind::Server(ServerErrorKind::ReadOnly), _) => {
            ". It is a replica: give the master's address, or use redis-sentinel://"
        }
        (_, Some("OOM")) => {
            ". Its memory is full: raise `maxmemory`, or give this store a server of its own"
        }
        (_, Some("NOREPLICAS")) => ". Fewer replicas are in sync than `min-replicas-to-write`",
        (_, Some("MISCONF")) => ". It cannot write its data to disk: free some, or read its log",
        (ErrorKind::Server(ServerErrorKind::BusyLoading), _) => ". It will answer once it has",
        (ErrorKind::Server(ServerErrorKind::ClusterDown), _) => ". Look at CLUSTER INFO",
        _ if is_unknown_database(error) => ". Check the database number in the URL",
        _ if error.is_connection_refusal() => ". Is it running, and is the address right?",
        _ if error.is_timeout() => ". Is it overloaded, or stopped? Is something in between?",
        _ => "",
    }
}

/// Within a script, the code is a plain `ERR`.
fn is_not_permitted(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    error.code() == Some("NOPERM") || detail.contains("The user executing the script")
}

fn is_unknown_database(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    detail.contains("DB index") || detail.contains("SELECT is not allowed in cluster mode")
}

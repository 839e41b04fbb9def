use redis::RedisError;

use super::advice::advice;

crate::text::debug_is_display!(RedisStoreError);

/// What is wrong with a Redis server, or with what was said of it. No message
/// shows a user or a password.
#[derive(Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RedisStoreError {
    /// Not the URL of a Redis server, Sentinel or Cluster.
    #[error(
        "the Redis URL {url:?} {reason}: write redis://[user:password@]host[:port][/database], \
         redis-sentinel://host,host/[database]?master=name or redis-cluster://host,host"
    )]
    #[non_exhaustive]
    Url {
        /// The URL, without its user, password and query.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The URL names a file of certificates, or of a key, that cannot be used.
    #[error("the Redis URL {url:?} {reason}")]
    #[non_exhaustive]
    Certificates {
        /// The URL, without its user, password and query.
        url: String,
        /// Which file, and what is wrong with it.
        reason: String,
    },
    /// An option that cannot be right.
    #[error("{reason}")]
    #[non_exhaustive]
    Options {
        /// Which, its value, and what is wrong with it.
        reason: String,
    },
    /// The server could not be reached, did not answer, or refused.
    #[error("{server}: {}{}", said(error), advice(error))]
    #[non_exhaustive]
    Failed {
        /// Which, and where.
        server: String,
        /// What the `redis` crate says.
        error: RedisError,
    },
    /// The server is older than what this store is known to work with.
    #[error("{server} is version {version}: {LEAST_VERSION}.0 or later is needed")]
    #[non_exhaustive]
    TooOld {
        /// Which, and where.
        server: String,
        /// What it says its version is.
        version: String,
    },
    /// The server is one of a Cluster, and knows its own slots only.
    #[error("{server} is a node of a Cluster: use redis-cluster://, or a `ClusterClient`")]
    #[non_exhaustive]
    ClusterNode {
        /// Which, and where.
        server: String,
    },
    /// The server is a Sentinel, which holds no data.
    #[error("{server} is a Sentinel: use redis-sentinel://")]
    #[non_exhaustive]
    Sentinel {
        /// Which, and where.
        server: String,
    },
    /// The server answered what the store's scripts never answer.
    #[error("{server} answered {answer}: is it a Redis server, and is its data ours?")]
    #[non_exhaustive]
    UnexpectedAnswer {
        /// Which, and where.
        server: String,
        /// What it answered.
        answer: String,
    },
}

/// Whose scripts replicate by their effects, with users and their permissions.
pub(super) const LEAST_VERSION: u32 = 6;

/// A server's words in one line, and without the characters that steer a terminal.
pub(super) fn printable(said: &str) -> String {
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|char| !char.is_control()).collect()
}

fn said(error: &RedisError) -> String {
    let said = error.to_string();
    // The arguments of an unknown command are a delivery's.
    let said = said.split(", with args").next().unwrap_or_default();
    printable(&said.trim_end_matches('.').replace(" - InvalidClientConfig", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_steer_a_terminal() {
        let said = "ERR \u{1b}]0;title\u{7}\r\n  go\u{9b}31m away\u{7f}";
        assert_eq!(printable(said), "ERR ]0;title go31m away");
        let error = RedisError::from(std::io::Error::other(said));
        let error = RedisStoreError::Failed { server: "Redis here".to_owned(), error };
        assert_eq!(error.to_string(), "Redis here: ERR ]0;title go31m away");
    }
}

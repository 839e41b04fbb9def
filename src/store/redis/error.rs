use redis::RedisError;

use super::hint::hint;

crate::text::debug_is_display!(RedisStoreError);

/// Why a [`RedisStore`](super::RedisStore) could not connect, or why a command failed.
///
/// Each message is one line that says what to do. None shows a user or a password.
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
    /// A file that the URL names, of certificates or of a key, cannot be used.
    #[error("the Redis URL {url:?} {reason}")]
    #[non_exhaustive]
    Certificates {
        /// The URL, without its user, password and query.
        url: String,
        /// The file, and what is wrong with it.
        reason: String,
    },
    /// An option has a value that cannot work.
    #[error("{reason}")]
    #[non_exhaustive]
    Options {
        /// The option, its value, and what is wrong with it.
        reason: String,
    },
    /// The server could not be reached, did not answer, or refused the command.
    #[error("{server}: {}{}", message(error), hint(error))]
    #[non_exhaustive]
    Failed {
        /// The kind of server, and its address.
        server: String,
        /// The error of the `redis` crate.
        error: RedisError,
    },
    /// The server is older than the oldest version that the store works with.
    #[error("{server} is version {version}: {LEAST_VERSION}.0 or later is needed")]
    #[non_exhaustive]
    TooOld {
        /// The kind of server, and its address.
        server: String,
        /// The version that the server reports.
        version: String,
    },
    /// The server is one node of a Cluster, and knows only its own slots.
    #[error("{server} is a node of a Cluster: use redis-cluster://, or a `ClusterClient`")]
    #[non_exhaustive]
    ClusterNode {
        /// The kind of server, and its address.
        server: String,
    },
    /// The server is a Sentinel, which holds no data.
    #[error("{server} is a Sentinel: use redis-sentinel://")]
    #[non_exhaustive]
    Sentinel {
        /// The kind of server, and its address.
        server: String,
    },
    /// The server gave an answer that the store's scripts never give.
    #[error(
        "{server} answered {answer}: is it a Redis server, and does another program use the same keys?"
    )]
    #[non_exhaustive]
    UnexpectedAnswer {
        /// The kind of server, and its address.
        server: String,
        /// The answer.
        answer: String,
    },
}

/// The first version with effect-based script replication and ACLs.
pub(super) const LEAST_VERSION: u32 = 6;

/// Returns a server's text in one line, without the characters that control a terminal.
pub(super) fn printable(said: &str) -> String {
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|char| !char.is_control()).collect()
}

/// The message of the `redis` crate, without the parts that are of no use here.
fn message(error: &RedisError) -> String {
    let message = error.to_string();
    // The arguments of an unknown command hold the delivery's id.
    let message = message.split(", with args").next().unwrap_or_default();
    printable(&message.trim_end_matches('.').replace(" - InvalidClientConfig", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_server_cannot_control_a_terminal() {
        let said = "ERR \u{1b}]0;title\u{7}\r\n  go\u{9b}31m away\u{7f}";
        assert_eq!(printable(said), "ERR ]0;title go31m away");
        let error = RedisError::from(std::io::Error::other(said));
        let error = RedisStoreError::Failed { server: "Redis here".to_owned(), error };
        assert_eq!(error.to_string(), "Redis here: ERR ]0;title go31m away");
    }
}

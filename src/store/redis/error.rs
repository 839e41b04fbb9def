use redis::{ErrorKind, RedisError, ServerErrorKind};

crate::readable::debug_is_display!(RedisStoreError);

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

/// In one line.
fn said(error: &RedisError) -> String {
    let said = error.to_string();
    said.trim_end_matches('.')
        .replace(" - InvalidClientConfig", "")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What to do about it.
fn advice(error: &RedisError) -> &'static str {
    by_kind(error).or_else(|| by_text(&error.to_string())).unwrap_or("")
}

fn by_kind(error: &RedisError) -> Option<&'static str> {
    Some(match error.kind() {
        ErrorKind::Server(ServerErrorKind::Moved | ServerErrorKind::Ask) => {
            ". It is a node of a Cluster: use redis-cluster://"
        }
        ErrorKind::Server(ServerErrorKind::BusyLoading) => ". It will answer once it has",
        ErrorKind::Server(ServerErrorKind::ClusterDown) => ". Look at CLUSTER INFO",
        ErrorKind::MasterNameNotFoundBySentinel => SENTINELS,
        ErrorKind::Parse => ". Is that a Redis server?",
        _ if error.is_timeout() => {
            ". Is it overloaded or stopped, is something in between, or TLS on one side only?"
        }
        _ => return None,
    })
}

/// Of what has no kind of its own, or lost it: to a Cluster's errors something is put
/// in front, and before version 7 to those of a script.
fn by_text(error: &str) -> Option<&'static str> {
    let rules: [(&[&str], &str); 12] = [
        (&["OOM"], ". Its memory is full: raise `maxmemory`, or give this store its own server"),
        (&[NO_REPLICAS], ". Fewer replicas are in sync than `min-replicas-to-write`"),
        (&["MISCONF"], ". It cannot write its data to disk: free some, or read its log"),
        (READ_ONLY, ". It is a replica: give the master's address, or use redis-sentinel://"),
        (&["onnection refused"], ". Is it running, and is the address right?"),
        (&["failed to lookup"], ". Is the host's name right?"),
        (&["WRONGPASS", "NOAUTH", "invalid username-password", "uthentication"], CREDENTIALS),
        (&["The user executing the script", "no permissions"], RIGHTS),
        (&["DB index", "SELECT is not allowed"], ". Check the database number in the URL"),
        (&["cluster support disabled"], ". It is no Cluster: use redis://"),
        (&["does not point to a sentinel"], SENTINELS),
        (&["unknown command"], ". Is it a Sentinel? Then use redis-sentinel://"),
    ];
    let rule = rules.iter().find(|(texts, _)| texts.iter().any(|text| error.contains(text)));
    rule.map(|(_, advice)| *advice)
}

/// Whether the server says that it is not the master.
pub(super) fn is_read_only(error: &RedisError) -> bool {
    let text = error.to_string();
    READ_ONLY.iter().any(|read_only| text.contains(read_only))
}

/// Whether the master refuses writes because too few replicas follow it.
pub(super) fn lacks_replicas(error: &RedisError) -> bool {
    error.to_string().contains(NO_REPLICAS)
}

const NO_REPLICAS: &str = "NOREPLICAS";
const READ_ONLY: &[&str] = &["ReadOnly", "READONLY"];
const CREDENTIALS: &str = ". Check the user and the password in the URL";
const SENTINELS: &str = ". Check the name after `master=`, and that these are Sentinels";
const RIGHTS: &str = ". Give its user the permissions that `RedisStore` names";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_error_has_its_advice() {
        for (kind, advised) in [
            (ErrorKind::Server(ServerErrorKind::BusyLoading), "It will answer once it has"),
            (ErrorKind::Server(ServerErrorKind::ClusterDown), "Look at CLUSTER INFO"),
            (ErrorKind::Server(ServerErrorKind::Ask), "use redis-cluster://"),
            (ErrorKind::MasterNameNotFoundBySentinel, "and that these are Sentinels"),
            (ErrorKind::Parse, "Is that a Redis server?"),
        ] {
            let error = RedisError::from((kind, "as it says"));
            assert!(advice(&error).ends_with(advised), "{kind:?}");
        }
    }
}

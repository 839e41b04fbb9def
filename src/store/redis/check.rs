//! Checks that a server suits the store.

use std::fmt;

use redis::{ParsingError, Value, from_redis_value};

use super::error::{LEAST_VERSION, printable};
use super::key::Keys;
use super::{RedisStoreError, Shared};
use crate::store::{OwnerToken, RecordKind};

/// A setting of the server with which a [`RedisStore`](super::RedisStore) works, but may
/// lose deliveries.
///
/// A server without persistence gets no warning, because replicas may serve as well.
///
/// ```no_run
/// use nevent_webhooks::store::{RedisStore, RedisWarning};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://localhost:6379").await?;
/// for warning in store.warnings() {
///     match warning {
///         RedisWarning::Evicts { policy, .. } => return Err(format!("evicts: {policy}").into()),
///         other => eprintln!("{other}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisWarning {
    /// The server evicts keys when its memory is full.
    #[non_exhaustive]
    Evicts {
        /// The kind of server, and its address.
        server: String,
        /// Its `maxmemory-policy`.
        policy: String,
    },
    /// The server does not tell how it is configured.
    #[non_exhaustive]
    Unchecked {
        /// The kind of server, and its address.
        server: String,
        /// Its answer.
        reason: String,
    },
}

impl fmt::Display for RedisWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Evicts { server, policy } => write!(
                f,
                "{server} has maxmemory-policy {policy}: when its memory is full, it \
                 evicts deliveries, and they are handled again if they are retried. Set the \
                 policy to noeviction"
            ),
            Self::Unchecked { server, reason } => write!(
                f,
                "{server} does not tell its configuration ({reason}): make sure that its \
                 maxmemory-policy is noeviction and its version at least {LEAST_VERSION}.0"
            ),
        }
    }
}

impl Shared {
    pub(super) async fn check(&self) -> Result<Vec<RedisWarning>, RedisStoreError> {
        let server = self.server();
        if let Err(error) = self.write_and_remove().await {
            let sentinel = self.is_a_sentinel().await;
            return Err(if sentinel { RedisStoreError::Sentinel { server } } else { error });
        }
        let answer = match self.connection.query(&redis::cmd("INFO")).await {
            Ok(answer) => answer,
            // The command is forbidden, or was removed by the hosting provider.
            Err(error) if error.code().is_some() => {
                return Ok(vec![RedisWarning::Unchecked {
                    server,
                    reason: printable(&error.to_string()),
                }]);
            }
            Err(error) => return Err(self.failed(error)),
        };
        let infos = infos(answer).map_err(|error| self.unexpected(&error.to_string()))?;
        // The check may have written to a slot that this node of a Cluster happens to own.
        if !self.connection.source().is_a_cluster()
            && infos.iter().any(|info| is_of_a_cluster(info))
        {
            return Err(RedisStoreError::ClusterNode { server });
        }
        infos.iter().filter_map(|info| check_info(&server, info).transpose()).collect()
    }

    async fn is_a_sentinel(&self) -> bool {
        let answer = self.connection.query(redis::cmd("INFO").arg("server")).await;
        let infos = answer.ok().and_then(|answer| infos(answer).ok()).unwrap_or_default();
        infos.iter().any(|info| field(info, "redis_mode") == Some("sentinel"))
    }

    /// Claims and releases, under a key that no scope can have.
    async fn write_and_remove(&self) -> Result<(), RedisStoreError> {
        let token = OwnerToken::draw().to_bytes();
        let id = format!("ready-{:032x}", u128::from_be_bytes(token));
        let (prefix, kind) = (self.prefix(), RecordKind::Delivery);
        let keys = Keys { prefix, scope: "", kind, id: &id, replays: &[] };
        // As `in_flight` writes it, but with zeros as the fingerprint. A server that does not know
        // EVALSHA repeats the first arguments in its error, which could then not be read as text.
        let record = [&[0; 17][..], &token, b"10000"].concat();
        let mut claim = self.claim.call(&keys);
        claim.arg(record).arg(10_000).arg(&id).arg(1);
        let answer = self.claim.run(&self.connection, &claim).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        if answer != Value::BulkString(b"acquired".into()) {
            return Err(self.unexpected(&format!("{answer:?}")));
        }
        let mut release = self.release.call(&keys);
        let released = self.release.run(&self.connection, release.arg(&token)).await;
        released.map(drop).map_err(|error| self.failed(error))
    }
}

/// The text of `INFO`, or of each master in a Cluster.
fn infos(answer: Value) -> Result<Vec<String>, ParsingError> {
    match answer {
        Value::Map(answers) => {
            answers.into_iter().map(|(_, info)| from_redis_value(info)).collect()
        }
        answer => Ok(vec![from_redis_value(answer)?]),
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

fn is_of_a_cluster(info: &str) -> bool {
    field(info, "cluster_enabled") == Some("1")
}

fn check_info(server: &str, info: &str) -> Result<Option<RedisWarning>, RedisStoreError> {
    let server = server.to_owned();
    let version = field(info, "redis_version").unwrap_or("unknown");
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    // An unknown version is not an error.
    if major.is_some_and(|major| major < LEAST_VERSION) {
        return Err(RedisStoreError::TooOld { server, version: printable(version) });
    }
    let limited = field(info, "maxmemory") != Some("0");
    Ok(match field(info, "maxmemory_policy") {
        Some(policy) if limited && policy != "noeviction" => {
            Some(RedisWarning::Evicts { server, policy: printable(policy) })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_matters_only_with_a_memory_limit() {
        let info = |limit| {
            format!("redis_version:7.2.4\r\nmaxmemory:{limit}\r\nmaxmemory_policy:allkeys-lru\r\n")
        };
        assert_eq!(check_info("Redis here", &info(0)).expect("fit"), None);
        let warning =
            check_info("Redis here", &info(1)).expect("fit").expect("a warning").to_string();
        assert!(warning.starts_with("Redis here has maxmemory-policy allkeys-lru"), "{warning}");
    }

    #[test]
    fn info_of_a_server_cannot_control_a_terminal() {
        let info = "maxmemory:1\r\nmaxmemory_policy:\u{1b}[2Jall\r\n";
        let warning = check_info("Redis here", info).expect("fit").expect("a warning").to_string();
        assert!(warning.contains("maxmemory-policy [2Jall:"), "{warning}");
        let error = check_info("Redis here", "redis_version:5.\u{1b}c\r\n").expect_err("too old");
        assert!(error.to_string().contains("version 5.c:"), "{error}");
    }

    #[test]
    fn old_servers_are_refused() {
        let error =
            check_info("Redis here", "redis_version:5.0.14\r\n").expect_err("too old").to_string();
        assert_eq!(error, "Redis here is version 5.0.14: 6.0 or later is needed");
        for info in ["redis_version:6.0.0\r\n", ""] {
            assert_eq!(check_info("Redis here", info).expect("new enough, or untold"), None);
        }
    }
}

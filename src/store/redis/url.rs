//! The URLs of servers, Sentinels and Clusters.

use std::str::FromStr;
use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisError};

use super::hosts::Hosts;
use super::node::Node;
use super::query::Query;
use super::redacted::{ends_its_password, is_a_scheme, redacted};
use super::sentinels::Sentinels;
use super::socket::socket;
use super::tls::Certificates;
use super::{RedisSource, RedisStoreError};

impl FromStr for RedisSource {
    type Err = RedisStoreError;

    fn from_str(url: &str) -> Result<Self, RedisStoreError> {
        parse(url).map_err(|error| match error {
            ParseError::Url(reason) => RedisStoreError::Url { url: redacted(url), reason },
            ParseError::File(reason) => {
                RedisStoreError::Certificates { url: redacted(url), reason }
            }
        })
    }
}

/// The reason for an error, without the URL.
enum ParseError {
    Url(String),
    /// A file that the URL names is wrong.
    File(String),
}

impl<T: Into<String>> From<T> for ParseError {
    fn from(reason: T) -> Self {
        Self::Url(reason.into())
    }
}

fn parse(url: &str) -> Result<RedisSource, ParseError> {
    let (scheme, rest) = url.split_once("://").ok_or("has no scheme")?;
    if matches!(scheme, "unix" | "redis+unix" | "valkey+unix") {
        return Ok(socket(scheme, rest)?);
    }
    if !is_a_scheme(scheme) {
        return Err("has an unknown scheme".into());
    }
    if rest.split_once(['/', '?', '#']).is_some_and(|(_, after)| after.contains('@')) {
        return Err("has an @ after a / ? or #: in a password write these %2F %3F %23, and \
                    @ and % as %40 and %25"
            .into());
    }
    let (scheme, kind) = match scheme.split_once('-') {
        Some((plain, kind)) if PLAIN.contains(&plain) => (plain, kind),
        None if PLAIN.contains(&scheme) => (scheme, ""),
        _ => return Err(format!("has the unknown scheme {scheme:?}").into()),
    };
    if rest.contains('#') {
        return Err("has a #: certificates are always verified. Name the file of your own CA \
                    with ?ca_file=, and in a password write # as %23"
            .into());
    }
    let may_name = ends_its_password(rest);
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let query = Query::parse(query);
    let names: &[&str] = match kind {
        "" => &["protocol"],
        "sentinel" => &["master"],
        "cluster" => &[],
        _ => return Err(format!("has the unknown scheme \"{scheme}-{kind}\"").into()),
    };
    query.allow(names, asks_for_tls(scheme), may_name)?;
    let certificates = Certificates::read(&query).map_err(ParseError::File)?;
    Ok(match kind {
        "sentinel" => sentinel(scheme, &Hosts::parse(rest), &query, certificates)?,
        "cluster" => cluster(scheme, &Hosts::parse(rest), &certificates, may_name)?,
        _ => server(scheme, rest, &query, &certificates)?,
    })
}

const PLAIN: [&str; 4] = ["redis", "rediss", "valkey", "valkeys"];

fn asks_for_tls(scheme: &str) -> bool {
    matches!(scheme, "rediss" | "valkeys")
}

fn server(
    scheme: &str,
    rest: &str,
    query: &Query,
    certificates: &Certificates,
) -> Result<RedisSource, String> {
    let protocol = query.get("protocol")?.map(|protocol| format!("?protocol={protocol}"));
    let url = format!("{scheme}://{rest}{}", protocol.unwrap_or_default());
    let server = Node::at(connection_info(&url)?, certificates);
    server.map(RedisSource::of_server).map_err(|error| reason(&error))
}

fn sentinel(
    scheme: &str,
    hosts: &Hosts,
    query: &Query,
    certificates: Certificates,
) -> Result<RedisSource, String> {
    let service = query.get("master")?.ok_or("is without the master's name")?;
    let infos = hosts.each(scheme, ":26379")?;
    let server = infos.first().cloned().ok_or("names no host")?;
    // The user and the database are the servers'. Sentinels have none.
    let nobody = |info: ConnectionInfo| info.set_redis_settings(RedisConnectionInfo::default());
    let nodes = infos.into_iter().map(|info| Node::at(nobody(info), &certificates));
    let nodes = nodes.collect::<Result<_, _>>().map_err(|error| reason(&error))?;
    let name = format!("the Redis master {service:?} of the Sentinels at {}", hosts.names);
    let sentinels = Sentinels { nodes, service, server, certificates };
    Ok(RedisSource::of_sentinels(sentinels, name))
}

fn cluster(
    scheme: &str,
    hosts: &Hosts,
    certificates: &Certificates,
    may_name: bool,
) -> Result<RedisSource, String> {
    if !matches!(hosts.path, "" | "0") {
        let is_a_number = hosts.path.bytes().all(|byte| byte.is_ascii_digit());
        return Err(if may_name && is_a_number {
            format!("names the database {:?}: a Cluster has only database 0", hosts.path)
        } else {
            "names a database: a Cluster has only database 0. In a password write / as %2F"
                .to_owned()
        });
    }
    let builder = ClusterClient::builder(hosts.each(scheme, "")?).tcp_settings(tcp_settings());
    // The caller limits how long an answer may take.
    let builder = builder.overall_response_timeout(None);
    let client = certificates.add_to(builder).build().map_err(|error| reason(&error))?;
    let name = format!("the Redis Cluster at {}", hosts.names);
    Ok(RedisSource::of_cluster(client, asks_for_tls(scheme), name))
}

pub(super) fn connection_info(url: &str) -> Result<ConnectionInfo, String> {
    let uses_tls = url.split(':').next().is_some_and(asks_for_tls);
    if uses_tls && !cfg!(feature = "redis-tls-no-provider") {
        return Err("asks for TLS, which needs the feature `redis-tls`".to_owned());
    }
    let info = url.into_connection_info().map_err(|error| reason(&error))?;
    Ok(info.set_tcp_settings(tcp_settings()))
}

/// The settings of a connection. Commands are small and waited for, so they are sent at once.
fn tcp_settings() -> TcpSettings {
    // Otherwise a firewall in between may drop a connection that is idle for long.
    let alive = TcpKeepalive::new().with_time(Duration::from_secs(30));
    let alive = alive.with_interval(Duration::from_secs(10));
    TcpSettings::default().set_nodelay(true).set_keepalive(alive)
}

pub(super) fn reason(error: &RedisError) -> String {
    let text = error.to_string();
    // The text after it may hold a value of the URL.
    match text.split(" - InvalidClientConfig").next().unwrap_or_default() {
        "Redis URL did not parse" => {
            "has an invalid host, or a port that is not 1 to 65535".to_owned()
        }
        other => format!("cannot be used ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        url.parse::<RedisSource>().expect_err(url).to_string()
    }

    #[test]
    fn every_kind_of_url_is_understood() {
        for url in [
            "redis://localhost",
            "redis://user:p%40ss@localhost:6380/3",
            "redis://localhost?protocol=resp3",
            "valkey://localhost",
            "redis+unix:///tmp/redis.sock?db=2&user=me&pass=secret",
            "redis-sentinel://localhost?master=mymaster",
            "redis-sentinel://:password@a:26379,b,[::1]:26380,[::1]/2?master=mymaster",
            "redis-cluster://localhost:7000,localhost:7001",
            "valkey-cluster://user:password@localhost:7000,localhost/",
        ] {
            assert!(url.parse::<RedisSource>().is_ok(), "{url}");
        }
    }

    #[test]
    fn commands_are_sent_at_once_over_connections_that_are_kept_alive() {
        let info = connection_info("redis://localhost").expect("a URL");
        assert!(info.tcp_settings().nodelay());
        let kept_alive = format!("{:?}", info.tcp_settings().keepalive());
        assert!(kept_alive.contains("30s") && kept_alive.contains("10s"), "{kept_alive}");
    }

    #[test]
    fn invalid_urls_are_refused_with_a_reason() {
        for (url, reason) in [
            ("localhost:6379", "\"localhost:6379\" has no scheme"),
            ("reddis://localhost", "unknown scheme \"reddis\""),
            ("redis-sentinels://localhost", "unknown scheme \"redis-sentinels\""),
            ("http://localhost", "unknown scheme \"http\""),
            ("http-sentinel://localhost?master=m", "unknown scheme \"http-sentinel\""),
            ("http-cluster://localhost", "unknown scheme \"http-cluster\""),
            ("redis://localhost:73911", "a port that is not 1 to 65535"),
            ("redis://localhost/x", "Invalid database number"),
            ("redis://localhost?db=3", "a \"db\" in its query"),
            ("redis-sentinel://localhost", "without the master's name"),
            ("redis-sentinel://localhost?master=m&x=1", "a \"x\" in its query"),
            ("redis-sentinel://?master=m", "an invalid host"),
            ("redis-cluster://", "Missing hostname"),
            ("redis-cluster://host/3", "names the database \"3\""),
            ("redis://localhost#insecure", "certificates are always verified"),
            ("rediss://localhost/#insecure", "with ?ca_file="),
            ("redis-cluster://localhost?ca_file=/x#y", "certificates are always verified"),
            (
                "redis://localhost?ca_file=/x",
                "a \"ca_file\" in its query, and TLS only with rediss",
            ),
            ("redis-sentinel://localhost?master=%", "a \"master\" in its query that is not well"),
            ("redis-sentinel://u:p@a,u:p@b?master=m", "more than one user"),
            ("redis-sentinel://a?master=m&master=n", "a \"master\" in its query more than once"),
            ("redis+unix:///s?db=1&db=2", "a \"db\" in its query more than once"),
            ("redis://user:12?34@host", "in a password write these %2F %3F %23"),
        ] {
            assert!(refused(url).contains(reason), "{}", refused(url));
        }
    }

    #[cfg(not(feature = "redis-tls-no-provider"))]
    #[test]
    fn tls_without_its_feature_is_refused() {
        for url in
            ["rediss://h", "valkeys://h", "rediss-sentinel://h?master=m", "valkeys-cluster://h"]
        {
            assert!(refused(url).contains("the feature `redis-tls`"), "{}", refused(url));
        }
    }
}

//! The URLs of servers, Sentinels and Clusters.

use std::str::FromStr;

use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsMode};

use super::{RedisSource, RedisStoreError};

impl FromStr for RedisSource {
    type Err = RedisStoreError;

    fn from_str(url: &str) -> Result<Self, RedisStoreError> {
        let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
        let source = match (scheme.split_once('-'), Hosts::parse(rest)) {
            (Some((scheme, "sentinel")), hosts) => sentinel(scheme, &hosts),
            (Some((scheme, "cluster")), hosts) => cluster(scheme, &hosts),
            _ => server(url),
        };
        source.map_err(|reason| RedisStoreError::Url { url: without_password(url), reason })
    }
}

fn server(url: &str) -> Result<RedisSource, String> {
    let info = connection_info(url)?;
    Client::open(info).map(RedisSource::from).map_err(|error| reason(&error))
}

fn sentinel(scheme: &str, hosts: &Hosts) -> Result<RedisSource, String> {
    let master = hosts.query.strip_prefix("master=").filter(|name| !name.is_empty());
    let master = master.ok_or("without the master's name")?;
    let infos = hosts.each(scheme, ":26379")?;
    let addresses = infos.iter().map(|info| info.addr().clone());
    let builder = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master);
    let mut builder = builder.map_err(|error| reason(&error))?;

    // The user and the database are the servers'; Sentinels have none.
    let server = &infos[0];
    builder = builder.set_client_to_redis_db(server.redis_settings().db());
    if let Some(user) = server.redis_settings().username() {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = server.redis_settings().password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if matches!(server.addr(), ConnectionAddr::TcpTls { .. }) {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    let builder = builder.set_client_to_redis_tcp_settings(tcp_settings());
    let client = builder.build().map_err(|error| reason(&error))?;
    Ok(RedisSource::from(client).named(format!("{master} of the Sentinels at {}", hosts.names)))
}

fn cluster(scheme: &str, hosts: &Hosts) -> Result<RedisSource, String> {
    let builder = ClusterClient::builder(hosts.each(scheme, "")?).tcp_settings(tcp_settings());
    let client = builder.build().map_err(|error| reason(&error))?;
    Ok(RedisSource::from(client).named(format!("the Cluster at {}", hosts.names)))
}

/// What stands behind the `://` of several hosts.
struct Hosts<'a> {
    user: &'a str,
    names: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Hosts<'a> {
    fn parse(rest: &'a str) -> Self {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (rest, path) = rest.split_once('/').unwrap_or((rest, ""));
        let at = rest.rfind('@').map_or(0, |at| at + 1);
        Self { user: &rest[..at], names: &rest[at..], path, query }
    }

    /// Each host as if its URL stood alone.
    fn each(&self, scheme: &str, default_port: &str) -> Result<Vec<ConnectionInfo>, String> {
        let Self { user, names, path, .. } = self;
        let of_host = |host: &str| {
            // Colons in brackets are those of an IPv6 address.
            let has_port = host.rsplit(']').next().is_some_and(|end| end.contains(':'));
            let port = if has_port { "" } else { default_port };
            connection_info(&format!("{scheme}://{user}{host}{port}/{path}"))
        };
        names.split(',').map(of_host).collect()
    }
}

fn connection_info(url: &str) -> Result<ConnectionInfo, String> {
    if !cfg!(feature = "redis-tls") && (url.starts_with("rediss:") || url.starts_with("valkeys:")) {
        return Err("for TLS, which needs the feature `redis-tls` of nevent-webhooks".to_owned());
    }
    let info = url.into_connection_info().map_err(|error| reason(&error))?;
    Ok(info.set_tcp_settings(tcp_settings()))
}

/// Commands are small, and waited for.
fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

fn reason(error: &RedisError) -> String {
    format!("wrong: {}", error.to_string().replace(" - InvalidClientConfig", ""))
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}://…{}", &url[..scheme], &url[at..])
        }
        _ => url.to_owned(),
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
            "valkey://localhost",
            "redis+unix:///tmp/redis.sock",
            "redis-sentinel://localhost?master=mymaster",
            "redis-sentinel://:password@a:26379,b,[::1]:26380,[::1]/2?master=mymaster",
            "redis-cluster://localhost:7000,localhost:7001",
            "redis-cluster://user:password@localhost:7000,localhost",
        ] {
            assert!(url.parse::<RedisSource>().is_ok(), "{url}");
        }
    }

    #[test]
    fn hosts_are_told_apart_from_users_and_ports() {
        let hosts = Hosts::parse("me:p@ss@a,[::1]:1,[::1]/2?master=m");
        let infos = hosts.each("redis", ":26379").expect("hosts");
        let addresses: Vec<_> = infos.iter().map(|info| info.addr().to_string()).collect();
        assert_eq!(addresses, ["a:26379", "::1:1", "::1:26379"]);
        assert_eq!(infos[1].redis_settings().password(), Some("p@ss"));
        assert_eq!((infos[2].redis_settings().db(), hosts.query), (2, "master=m"));
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_reason() {
        assert!(refused("localhost:6379").contains("\"localhost:6379\" is wrong"));
        assert!(refused("http://localhost").contains("http://localhost"));
        assert!(refused("redis://localhost/x").contains("Invalid database number"));
        assert!(refused("redis-sentinel://localhost").contains("without the master's name"));
        assert!(refused("redis-sentinel://?master=m").contains("wrong"));
        assert!(refused("redis-cluster://").contains("wrong"));
    }

    #[test]
    fn no_message_shows_a_password() {
        for url in ["http://me:secret@localhost", "redis-cluster://me:sec@ret@localhost/x"] {
            let message = refused(url);
            assert!(!message.contains("sec") && !message.contains("me:"), "{message}");
        }
        let source: RedisSource = "redis://me:secret@localhost".parse().expect("a URL");
        assert_eq!(format!("{source:?}"), "RedisSource(\"localhost:6379\")");
    }
}

//! The URLs of servers, Sentinels and Clusters.

use std::str::FromStr;
use std::time::Duration;

use redis::cluster::ClusterClient;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, TlsMode};

use super::shown::without_secrets;
use super::{RedisSource, RedisStoreError};

impl FromStr for RedisSource {
    type Err = RedisStoreError;

    fn from_str(url: &str) -> Result<Self, RedisStoreError> {
        parse(url).map_err(|reason| RedisStoreError::Url { url: without_secrets(url), reason })
    }
}

fn parse(url: &str) -> Result<RedisSource, String> {
    let (scheme, rest) = url.split_once("://").ok_or("has no scheme")?;
    match scheme {
        "unix" | "redis+unix" | "valkey+unix" => {
            allow(rest, &["db", "user", "pass", "protocol"])?;
            return server(url);
        }
        _ if rest.split_once(['/', '?', '#']).is_some_and(|(_, after)| after.contains('@')) => {
            return Err("has an @ behind a / ? or #: in a password write these %2F %3F %23, and \
                        @ and % as %40 and %25"
                .to_owned());
        }
        _ => {}
    }
    match scheme.split_once('-') {
        None if PLAIN.contains(&scheme) => {
            allow(rest, &["protocol"])?;
            server(url)
        }
        Some((plain, "sentinel")) if PLAIN.contains(&plain) => {
            allow(rest, &["master"])?;
            sentinel(plain, &Hosts::parse(rest))
        }
        Some((plain, "cluster")) if PLAIN.contains(&plain) => {
            allow(rest, &[])?;
            cluster(plain, &Hosts::parse(rest))
        }
        _ => Err(format!("has the unknown scheme {scheme:?}")),
    }
}

const PLAIN: [&str; 4] = ["redis", "rediss", "valkey", "valkeys"];

/// What is not understood may matter: it is not passed over.
fn allow(rest: &str, names: &[&str]) -> Result<(), String> {
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    let given = query.split(['&', '#']).map(|pair| pair.split('=').next().unwrap_or(pair));
    match given.filter(|name| !name.is_empty()).find(|name| !names.contains(name)) {
        Some(_) if names.contains(&"pass") => {
            Err("has something in its query that has no meaning here".to_owned())
        }
        Some(name) => Err(format!("has a {name:?} in its query that has no meaning here")),
        None => Ok(()),
    }
}

fn server(url: &str) -> Result<RedisSource, String> {
    let info = connection_info(url)?;
    Client::open(info).map(RedisSource::from).map_err(|error| reason(&error))
}

fn sentinel(scheme: &str, hosts: &Hosts) -> Result<RedisSource, String> {
    let master = hosts.query.strip_prefix("master=").filter(|name| !name.is_empty());
    let master = master.ok_or("is without the master's name")?;
    let (infos, service) = (hosts.each(scheme, ":26379")?, master.to_owned());
    let first = infos.first().cloned().ok_or("names no host")?;
    let make = move || {
        let addresses = infos.iter().map(|info| info.addr().clone());
        let master = SentinelServerType::Master;
        as_server(SentinelClientBuilder::new(addresses, &service, master)?, &first).build()
    };
    make().map_err(|error| reason(&error))?;
    let name = format!("the Redis master {master:?} of the Sentinels at {}", hosts.names);
    Ok(RedisSource::of_sentinels(Box::new(make), name))
}

/// The user and the database are the servers'; Sentinels have none.
fn as_server(mut builder: SentinelClientBuilder, info: &ConnectionInfo) -> SentinelClientBuilder {
    let settings = info.redis_settings();
    builder = builder.set_client_to_redis_db(settings.db());
    if let Some(user) = settings.username() {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = settings.password() {
        builder = builder.set_client_to_redis_password(password);
    }
    if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    builder.set_client_to_redis_tcp_settings(tcp_settings())
}

fn cluster(scheme: &str, hosts: &Hosts) -> Result<RedisSource, String> {
    if !matches!(hosts.path, "" | "0") {
        return Err(format!("names the database {:?}: a Cluster has but one, 0", hosts.path));
    }
    let builder = ClusterClient::builder(hosts.each(scheme, "")?).tcp_settings(tcp_settings());
    // Whoever asks waits for the answer, and no longer than it is worth.
    let builder = builder.overall_response_timeout(None);
    let client = builder.build().map_err(|error| reason(&error))?;
    Ok(RedisSource::from(client).named(format!("the Redis Cluster at {}", hosts.names)))
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
        // The user with its `@`.
        let names = rest.rsplit('@').next().unwrap_or_default();
        let user = rest.strip_suffix(names).unwrap_or_default();
        Self { user, names, path, query }
    }

    /// Each host as if its URL stood alone.
    fn each(&self, scheme: &str, default_port: &str) -> Result<Vec<ConnectionInfo>, String> {
        let Self { user, names, path, .. } = self;
        if user.trim_end_matches('@').contains(['@', ',']) {
            return Err("has more than one user, or an @ in a password: user and password stand \
                        once, before the first host; write @ as %40 and , as %2C"
                .to_owned());
        }
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
        return Err("asks for TLS, which needs the feature `redis-tls`".to_owned());
    }
    let info = url.into_connection_info().map_err(|error| reason(&error))?;
    Ok(info.set_tcp_settings(tcp_settings()))
}

/// Commands are small, and waited for.
fn tcp_settings() -> TcpSettings {
    // Or what is between may forget a connection that has long been idle.
    let alive = TcpKeepalive::new().with_time(Duration::from_secs(30));
    let alive = alive.with_interval(Duration::from_secs(10));
    TcpSettings::default().set_nodelay(true).set_keepalive(alive)
}

fn reason(error: &RedisError) -> String {
    match error.to_string().replace(" - InvalidClientConfig", "").as_str() {
        "Redis URL did not parse" => "has a host or a port (1 to 65535) that is none".to_owned(),
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
    fn hosts_are_told_apart_from_users_and_ports() {
        let hosts = Hosts::parse("me:p%40ss@a,[::1]:1,[::1]/2?master=m");
        let infos = hosts.each("redis", ":26379").expect("hosts");
        let addresses: Vec<_> = infos.iter().map(|info| info.addr().to_string()).collect();
        assert_eq!(addresses, ["a:26379", "::1:1", "::1:26379"]);
        assert_eq!(infos[1].redis_settings().password(), Some("p@ss"));
        assert_eq!((infos[2].redis_settings().db(), hosts.query), (2, "master=m"));
    }

    #[test]
    fn commands_are_sent_at_once_over_connections_that_are_kept_alive() {
        let info = connection_info("redis://localhost").expect("a URL");
        assert!(info.tcp_settings().nodelay());
        let kept_alive = format!("{:?}", info.tcp_settings().keepalive());
        assert!(kept_alive.contains("30s") && kept_alive.contains("10s"), "{kept_alive}");
    }

    #[test]
    fn what_is_no_url_is_refused_with_a_reason() {
        for (url, reason) in [
            ("localhost:6379", "\"localhost:6379\" has no scheme"),
            ("reddis://localhost", "unknown scheme \"reddis\""),
            ("redis-sentinels://localhost", "unknown scheme \"redis-sentinels\""),
            ("http://localhost", "unknown scheme \"http\""),
            ("http-sentinel://localhost?master=m", "unknown scheme \"http-sentinel\""),
            ("http-cluster://localhost", "unknown scheme \"http-cluster\""),
            ("redis://localhost:73911", "a port (1 to 65535)"),
            ("redis://localhost/x", "Invalid database number"),
            ("redis://localhost?db=3", "a \"db\" in its query"),
            ("redis-sentinel://localhost", "without the master's name"),
            ("redis-sentinel://localhost?master=m&x=1", "a \"x\" in its query"),
            ("redis-sentinel://?master=m", "a host or a port"),
            ("redis-cluster://", "Missing hostname"),
            ("redis-cluster://host/3", "names the database \"3\""),
            ("redis-sentinel://u:p@a,u:p@b?master=m", "more than one user"),
            ("redis://user:12?34@host", "in a password write these %2F %3F %23"),
        ] {
            assert!(refused(url).contains(reason), "{}", refused(url));
        }
    }

    #[cfg(not(feature = "redis-tls"))]
    #[test]
    fn tls_without_its_feature_is_refused() {
        for url in
            ["rediss://h", "valkeys://h", "rediss-sentinel://h?master=m", "valkeys-cluster://h"]
        {
            assert!(refused(url).contains("the feature `redis-tls`"), "{}", refused(url));
        }
    }
}

//! The URLs of Unix sockets.

use super::RedisSource;
use super::node::Node;
use super::query::Query;
use super::tls::Certificates;
use super::url::{connection_info, reason};

pub(super) fn socket(scheme: &str, rest: &str) -> Result<RedisSource, String> {
    // A # would begin a fragment, and cut off the rest of a password.
    if rest.contains('#') {
        return Err("has a #: in a path or a password write it %23".to_owned());
    }
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    // No parameter is named in an error: it may be part of a password with an & in it.
    Query::parse(query).allow(&["db", "user", "pass", "protocol"], false, false)?;
    // Otherwise the `redis` crate reads a plus in a password as a space.
    let url = format!("{scheme}://{path}?{}", query.replace('+', "%2B"));
    let server = Node::at(connection_info(&url)?, &Certificates::default());
    server.map(RedisSource::of_server).map_err(|error| reason(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_in_the_password_for_a_socket_is_one() {
        for url in ["redis+unix:///s?user=a+b&pass=c+d%20e", "unix:///s?pass=c+d%20e&user=a%2Bb"] {
            let source: RedisSource = url.parse().expect("a URL");
            let settings = source.settings().expect("a server");
            let (user, password) = (settings.username(), settings.password());
            assert_eq!((user, password), (Some("a+b"), Some("c+d e")), "{url}");
        }
    }

    #[test]
    fn a_fragment_is_refused() {
        for url in ["redis+unix:///s?pass=sec#ret", "unix:///s#x?db=2"] {
            let error = url.parse::<RedisSource>().expect_err(url).to_string();
            assert!(error.contains("in a path or a password write it %23"), "{error}");
        }
        assert!("redis+unix:///s%23x?pass=sec%23ret".parse::<RedisSource>().is_ok());
    }
}

//! What of a URL may be shown.

/// Up to the last `@` anything may be a password, a query may hold one, and so may
/// what does not look like hosts and ports.
pub(super) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let rest = rest.split('?').next().unwrap_or_default();
    match rest.rsplit_once('@') {
        Some((_, hosts)) => format!("{scheme}…@{hosts}"),
        None if is_hosts(rest) => format!("{scheme}{rest}"),
        None => format!("{scheme}…"),
    }
}

fn is_hosts(rest: &str) -> bool {
    let hosts = rest.split('/').next().unwrap_or_default();
    let port_is_a_number = |host: &str| {
        let port = host.rsplit(']').next().and_then(|end| end.split_once(':'));
        port.is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    !rest.contains('%') && hosts.split(',').all(port_is_a_number)
}

#[cfg(test)]
mod tests {
    use crate::store::redis::RedisSource;

    #[test]
    fn no_message_shows_a_password() {
        for url in [
            "me:secret@localhost:7391",
            "http://me:secret@localhost",
            "redis:/me:secret@localhost",
            "redis//me:secret@localhost",
            "redis://me:sec/ret@localhost",
            "redis://me:sec#ret@localhost",
            "redis-cluster://me:sec@ret@localhost/x",
            "redis+unix:///s?pass=secret&data=x",
            "redis+unix:///s?pass=se&secret",
            "redis://me:secret%40localhost:6379",
            "redis-cluster://:secret",
        ] {
            let message = url.parse::<RedisSource>().expect_err(url).to_string();
            let shown = message.split("write redis://").next().expect("a message");
            assert!(!shown.contains("sec") && !shown.contains("me:s"), "{message}");
        }
        let source: RedisSource = "redis://me:secret@localhost".parse().expect("a URL");
        assert_eq!(format!("{source:?}"), "RedisSource(\"Redis at localhost:6379\")");
    }
}

//! URLs without their secrets, for messages.

/// Returns a URL without anything that may be part of a password.
///
/// That is everything before the last `@`, the query, and any text that does not look like
/// hosts and ports.
pub(super) fn redacted(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, _)) if !is_a_scheme(scheme) => return "…".to_owned(),
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    let front = rest.split('?').next().unwrap_or_default();
    match front.rsplit_once('@') {
        Some((_, hosts)) => format!("{scheme}…@{hosts}"),
        None if is_without_user(rest) => format!("{scheme}{front}"),
        None => format!("{scheme}…"),
    }
}

/// Whether a text has the form of a scheme, known or not.
pub(super) fn is_a_scheme(scheme: &str) -> bool {
    scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Whether the password, if there is one, ends before the path and the query.
///
/// With a `/` or a `?` in the password, its rest would look like a path or a query.
pub(super) fn ends_its_password(rest: &str) -> bool {
    let (front, query) = rest.split_once('?').unwrap_or((rest, ""));
    let has_user = front.split('/').next().is_some_and(|hosts| hosts.contains('@'));
    if has_user { !query.contains("%40") } else { is_without_user(rest) }
}

/// Whether the URL has no user. An encoded `@` in the query may be the one that ends a
/// password.
fn is_without_user(rest: &str) -> bool {
    let (front, query) = rest.split_once('?').unwrap_or((rest, ""));
    is_hosts(front) && !query.contains("%40")
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
            "redis://me:se?cret%40localhost:6379",
            "redis-cluster://me:sec/ret%40localhost:7000",
            "redis-cluster://me:sec/4433",
            "redis://:pa?sec=ret%40host",
            "redis://me:secret@localhost?sec=ret%40host",
            "redis://me:4433?sec=ret%40host",
            "redis://localhost?SECRET=x",
            "redis://localhost?secretsecretsecret=x",
            "redis://localhost?protocol=secret",
            "redis:/me:sec://ret@localhost",
            "redis+unix:///s?pass=se#cret",
        ] {
            let message = url.parse::<RedisSource>().expect_err(url).to_string();
            let shown = message.split("write redis://").next().expect("a message");
            let shown = shown.to_lowercase();
            for part in ["sec", "ret", "me:s", "4433"] {
                assert!(!shown.contains(part), "{part} of {url}: {message}");
            }
        }
        let source: RedisSource = "redis://me:secret@localhost".parse().expect("a URL");
        assert_eq!(format!("{source:?}"), "RedisSource(\"Redis at localhost:6379\")");
    }
}

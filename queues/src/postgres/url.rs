//! The URL of a database, in the driver's terms.

use tokio_postgres::Config;

use super::PostgresError;

/// TLS always verifies the host's name.
const VERIFY_FULL: &str = "sslmode=verify-full";

pub(super) fn parse(url: &str) -> Result<Config, PostgresError> {
    let (start, query) = split(url);
    let pairs =
        query.split('&').map(|pair| if pair == VERIFY_FULL { "sslmode=require" } else { pair });
    let query = pairs.collect::<Vec<_>>().join("&");
    format!("{start}{query}").parse().map_err(|_| {
        // A password with an unescaped @ reaches into the query. It must not be shown.
        if query.contains('@') {
            return PostgresError::Url;
        }
        let wrong = query.split('&').find(|pair| !is_known(pair));
        let name = wrong.and_then(|pair| pair.split('=').next()).unwrap_or_default();
        if name.is_empty() {
            PostgresError::Url
        } else {
            PostgresError::Parameter { name: name.to_owned() }
        }
    })
}

/// The parameters, and what is before them. A password may contain a question mark. The driver looks for
/// the @ in the same way.
fn split(url: &str) -> (&str, &str) {
    let is_a_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let host = url.split_once('@').map_or(url, |(_, host)| host);
    match host.split_once('?') {
        Some((_, query)) if is_a_url => url.split_at(url.len() - query.len()),
        _ => (url, ""),
    }
}

/// Whether the driver takes this parameter.
fn is_known(pair: &str) -> bool {
    format!("postgres://host/?{pair}").parse::<Config>().is_ok()
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::SslMode;

    use super::*;

    #[test]
    fn verify_full_is_require() {
        let url = "postgres://a:b?c@h/d?application_name=x&sslmode=verify-full";
        let config = parse(url).expect("a URL");
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        assert_eq!(config.get_application_name(), Some("x"));
        assert_eq!(config.get_password(), Some(&b"b?c"[..]));
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_named() {
        for (query, wrong) in [
            ("sslmode=require&sslrootcert=/a.pem", "sslrootcert"),
            ("sslmode=verify-ca", "sslmode"),
            ("connect_timeout=soon&application_name=x", "connect_timeout"),
        ] {
            let error = parse(&format!("postgres://me:hidden@h/d?{query}")).expect_err("refused");
            assert!(
                matches!(&error, PostgresError::Parameter { name } if name == wrong),
                "{error}"
            );
        }
        for url in ["postgres://me:hidden@[/d", "postgres://me:x@y?hidden@h/d"] {
            assert!(matches!(parse(url), Err(PostgresError::Url)), "{url}");
        }
    }
}

//! The URL of a database, with the parameters that the driver does not know.

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use super::PostgresStoreError;
use crate::text::percent_decoded;

/// The files that a URL names for TLS. The default is the system's CAs, and no certificate for the
/// client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) root: Option<String>,
    pub(super) cert: Option<String>,
    pub(super) key: Option<String>,
}

/// Parameters of a URL. Each gives the path of a PEM file.
pub(super) const ROOT: &str = "sslrootcert";
pub(super) const CERT: &str = "sslcert";
pub(super) const KEY: &str = "sslkey";

const MODE: &str = "sslmode";

pub(super) fn parse(url: &str) -> Result<(Config, Files), PostgresStoreError> {
    let tls = |reason| PostgresStoreError::Tls { reason };
    let (url, files) = take_files(url).map_err(tls)?;
    let config: Config = url.parse().map_err(|error| invalid(&error))?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(PostgresStoreError::Url { reason: "names no host".to_owned() });
    }
    if config.get_ssl_mode() == SslMode::Require && !cfg!(feature = "postgres-tls-no-provider") {
        return Err(tls("asks for TLS, which needs the feature `postgres-tls`".to_owned()));
    }
    Ok((config, files))
}

/// Returns the URL in the driver's terms, and the files that it named.
fn take_files(url: &str) -> Result<(String, Files), String> {
    let mut files = Files::default();
    // The other form that the driver takes, `host=… user=…`, is left to the driver.
    let is_a_url = url.starts_with("postgres://") || url.starts_with("postgresql://");
    // A password may contain a question mark. The driver looks for the @ in the same way.
    let host = url.split_once('@').map_or(url, |(_, host)| host);
    let Some((_, query)) = host.split_once('?').filter(|_| is_a_url) else {
        return Ok((url.to_owned(), files));
    };
    let (mut kept, mut mode) = (Vec::new(), None);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (files.path(name), name) {
            (Some(path), _) => *path = decoded(name, value)?,
            (None, MODE) => mode = Some(value),
            _ => kept.push(pair.to_owned()),
        }
    }
    if let Some(mode) = mode_for(mode, &files)? {
        kept.push(format!("{MODE}={mode}"));
    }
    let start = url.strip_suffix(query).unwrap_or(url);
    Ok((format!("{start}{}", kept.join("&")), files))
}

/// The driver's word for the mode of a URL. A file makes TLS required: an attacker could otherwise
/// have the connection opened without.
fn mode_for<'a>(mode: Option<&'a str>, files: &Files) -> Result<Option<&'a str>, String> {
    match (mode, files.first()) {
        (Some("verify-ca"), _) => Err("has sslmode=verify-ca, and the host's name is always \
             verified, too: write sslmode=require, and a host name that is in the certificate"
            .to_owned()),
        (Some("require" | "verify-full"), _) | (None, Some(_)) => Ok(Some("require")),
        (Some(_), Some(name)) => Err(format!("has an {name}, and TLS only with sslmode=require")),
        (mode, None) => Ok(mode),
    }
}

impl Files {
    fn path(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            ROOT => Some(&mut self.root),
            CERT => Some(&mut self.cert),
            KEY => Some(&mut self.key),
            _ => None,
        }
    }

    fn first(&self) -> Option<&'static str> {
        let given = [(ROOT, &self.root), (CERT, &self.cert), (KEY, &self.key)];
        given.into_iter().find(|(_, path)| path.is_some()).map(|(name, _)| name)
    }
}

fn decoded(name: &str, value: &str) -> Result<Option<String>, String> {
    let path = percent_decoded(value);
    let path = path.ok_or_else(|| format!("has an {name} that is not well encoded: % is %25"))?;
    Ok(Some(path).filter(|path| !path.is_empty()))
}

fn invalid(error: &tokio_postgres::Error) -> PostgresStoreError {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    PostgresStoreError::Url { reason: format!("is invalid ({})", cause.unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(url: &str) -> (String, Files) {
        take_files(url).expect(url)
    }

    #[test]
    fn files_are_taken_out_of_the_url() {
        let (url, files) = taken("postgres://a:b?c@h/d?sslrootcert=/a%20b.pem&application_name=x");
        assert_eq!(url, "postgres://a:b?c@h/d?application_name=x&sslmode=require");
        assert_eq!(files, Files { root: Some("/a b.pem".to_owned()), ..Files::default() });
        let (url, files) = taken("postgres://h/d?sslcert=c&sslkey=k&sslmode=verify-full");
        assert_eq!(url, "postgres://h/d?sslmode=require");
        assert_eq!((files.cert.as_deref(), files.key.as_deref()), (Some("c"), Some("k")));
    }

    #[test]
    fn other_urls_stay_as_they_are() {
        for url in [
            "postgres://a:b?sslmode=verify-ca@h/d",
            "host=h user=a password=?sslrootcert=x",
            "postgres://h/d?sslmode=prefer",
            "postgres://h/d?",
        ] {
            assert_eq!(taken(url), (url.to_owned(), Files::default()));
        }
    }

    #[test]
    fn modes_that_are_refused() {
        for (query, said) in [
            ("sslmode=verify-ca", "is always verified"),
            ("sslmode=disable&sslrootcert=a", "has an sslrootcert, and TLS only with"),
            ("sslmode=prefer&sslkey=a", "has an sslkey, and TLS only with"),
            ("sslcert=%zz", "has an sslcert that is not well encoded"),
        ] {
            let error = take_files(&format!("postgres://h/d?{query}")).expect_err(query);
            assert!(error.contains(said), "{error}");
        }
    }

    #[cfg(not(feature = "postgres-tls-no-provider"))]
    #[test]
    fn tls_needs_a_feature() {
        for query in ["sslmode=require", "sslmode=verify-full", "sslrootcert=a"] {
            let error = parse(&format!("postgres://me:secret@h/d?{query}")).expect_err(query);
            let said = "the PostgreSQL URL asks for TLS, which needs the feature `postgres-tls`";
            assert_eq!(error.to_string(), said);
        }
        parse("postgres://h/d?sslmode=prefer").expect("a URL without TLS");
    }
}

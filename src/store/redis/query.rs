//! The query of a URL.

use super::tls::{CA_FILE, CERT_FILE, KEY_FILE};
use crate::text::percent_decoded;

const FILES: [&str; 3] = [CA_FILE, CERT_FILE, KEY_FILE];

/// The parameters, not decoded.
pub(super) struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect())
    }

    /// Refuses unknown parameters, which may be typing errors in known ones.
    ///
    /// An unknown parameter is named only if `may_name`. Otherwise it may be part of a
    /// password.
    pub(super) fn allow(&self, names: &[&str], tls: bool, may_name: bool) -> Result<(), String> {
        for (name, _) in &self.0 {
            if FILES.contains(name) && !tls {
                return Err(format!("has a {name:?} in its query, and TLS only with rediss://"));
            }
            if !names.contains(name) && !FILES.contains(name) {
                let what =
                    if may_name && is_plain(name) { &format!("a {name:?}") } else { "something" };
                return Err(format!("has {what} in its query that has no meaning here"));
            }
            if self.0.iter().filter(|(other, _)| other == name).count() > 1 {
                return Err(format!("has a {name:?} in its query more than once"));
            }
        }
        Ok(())
    }

    /// Returns the decoded value of a parameter.
    pub(super) fn get(&self, name: &str) -> Result<Option<String>, String> {
        let value = self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value);
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
        percent_decoded(value).map(Some).ok_or_else(|| {
            format!("has a {name:?} in its query that is not well encoded: write % as %25")
        })
    }
}

/// Whether a text looks like the name of a parameter, perhaps with a typing error.
fn is_plain(name: &str) -> bool {
    name.len() <= 16 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        let query = Query::parse("ca_file=/a%20b+c%25/ca.pem&&master=&x");
        assert_eq!(query.get(CA_FILE), Ok(Some("/a b+c%/ca.pem".to_owned())));
        assert_eq!((query.get("master"), query.get("x")), (Ok(None), Ok(None)));
        for wrong in ["ca_file=%", "ca_file=%2", "ca_file=%zz", "ca_file=%ff", "ca_file=%é"] {
            assert!(Query::parse(wrong).get(CA_FILE).is_err(), "{wrong}");
        }
    }
}

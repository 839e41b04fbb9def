//! The certificates that a URL names, in the place of the system's.

#[cfg(feature = "redis-tls")]
use redis::TlsCertificates;
use redis::cluster::ClusterClientBuilder;
use redis::{Client, ConnectionInfo, RedisError};

use super::query::Query;

/// Names of parameters of a URL. Each gives the path of a PEM file.
pub(super) const CA_FILE: &str = "ca_file";
pub(super) const CERT_FILE: &str = "cert_file";
pub(super) const KEY_FILE: &str = "key_file";

#[derive(Clone, Default)]
pub(super) struct Certificates(#[cfg(feature = "redis-tls")] Option<TlsCertificates>);

#[cfg(feature = "redis-tls")]
impl Certificates {
    /// Reads the files that these parameters name.
    pub(super) fn read(query: &Query) -> Result<Self, String> {
        let read = |name, holds| {
            let path = query.get(name)?;
            path.map(|path| pem(name, &path, holds)).transpose()
        };
        let client_tls = match (read(CERT_FILE, "CERTIFICATE-")?, read(KEY_FILE, "PRIVATE KEY-")?) {
            (None, None) => None,
            (Some(client_cert), Some(client_key)) => {
                Some(redis::ClientTlsConfig { client_cert, client_key })
            }
            _ => return Err("needs both `cert_file` and `key_file`, or neither".to_owned()),
        };
        let root_cert = read(CA_FILE, "CERTIFICATE-")?;
        let any = root_cert.is_some() || client_tls.is_some();
        let certificates = any.then_some(TlsCertificates { client_tls, root_cert });
        if let Some(certificates) = &certificates {
            can_be_parsed(certificates, query)?;
        }
        Ok(Self(certificates))
    }

    pub(super) fn client(&self, info: ConnectionInfo) -> Result<Client, RedisError> {
        match self.0.clone() {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        }
    }

    pub(super) fn cluster(&self, builder: ClusterClientBuilder) -> ClusterClientBuilder {
        match self.0.clone() {
            Some(certificates) => builder.certs(certificates),
            None => builder,
        }
    }
}

/// Has the `redis` crate parse what was read, for its later errors would not name the file.
#[cfg(feature = "redis-tls")]
fn can_be_parsed(certificates: &TlsCertificates, query: &Query) -> Result<(), String> {
    let TlsCertificates { client_tls, root_cert } = certificates;
    let parse = |client_tls, root_cert| {
        let certificates = TlsCertificates { client_tls, root_cert };
        Client::build_with_tls("rediss://localhost", certificates).map(drop)
    };
    let path = |name| query.get(name).map(Option::unwrap_or_default);
    let ca = path(CA_FILE)?;
    parse(None, root_cert.clone()).map_err(|error| {
        format!(
            "has a {CA_FILE} {ca:?} that is damaged ({error}): write certificates in PEM into it"
        )
    })?;
    let (cert, key) = (path(CERT_FILE)?, path(KEY_FILE)?);
    parse(client_tls.clone(), None).map_err(|error| {
        format!("has a {CERT_FILE} {cert:?} or a {KEY_FILE} {key:?} that is damaged ({error})")
    })
}

/// Reads a file. The `redis` crate would take one without certificates for a list of CAs
/// that is empty, and then trust no server.
#[cfg(feature = "redis-tls")]
fn pem(name: &str, path: &str, holds: &str) -> Result<Vec<u8>, String> {
    let pem = std::fs::read(path);
    let pem = pem.map_err(|error| format!("has a {name} {path:?} that cannot be read: {error}"))?;
    let text = String::from_utf8_lossy(&pem);
    if name == KEY_FILE && text.contains("ENCRYPTED") {
        return Err(format!(
            "has a {name} {path:?} that is encrypted: give it without a passphrase"
        ));
    }
    if !text.contains(holds) {
        let holds = holds.trim_end_matches('-').to_lowercase();
        return Err(format!("has a {name} {path:?} without a {holds} in PEM"));
    }
    Ok(pem)
}

#[cfg(not(feature = "redis-tls"))]
impl Certificates {
    #[allow(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
    pub(super) fn read(_: &Query) -> Result<Self, String> {
        Ok(Self())
    }

    #[allow(clippy::unused_self, reason = "with TLS it holds something")]
    pub(super) fn client(&self, info: ConnectionInfo) -> Result<Client, RedisError> {
        Client::open(info)
    }

    #[allow(clippy::unused_self, reason = "with TLS it holds something")]
    pub(super) fn cluster(&self, builder: ClusterClientBuilder) -> ClusterClientBuilder {
        builder
    }
}

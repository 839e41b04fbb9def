//! The certificates that a URL names instead of the system's.

#[cfg(feature = "redis-tls-no-provider")]
mod connect;

#[cfg(feature = "redis-tls-no-provider")]
use redis::TlsCertificates;
#[cfg(feature = "redis-tls-no-provider")]
use redis::cluster::ClusterClientBuilder;

#[cfg(feature = "redis-tls-no-provider")]
pub(super) use self::connect::{TlsStream, use_ring_unless_installed};
use super::query::Query;

/// Parameters of a URL. Each gives the path of a PEM file.
pub(super) const CA_FILE: &str = "ca_file";
pub(super) const CERT_FILE: &str = "cert_file";
pub(super) const KEY_FILE: &str = "key_file";

/// The certificates of a URL. The default is the system's CAs, and no certificate for the
/// client.
#[derive(Clone, Default)]
pub(super) struct Certificates(#[cfg(feature = "redis-tls-no-provider")] Option<TlsCertificates>);

#[cfg(feature = "redis-tls-no-provider")]
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

    /// Passes the certificates to the `redis` crate, which opens the connections to the
    /// nodes of a Cluster.
    pub(super) fn add_to(&self, builder: ClusterClientBuilder) -> ClusterClientBuilder {
        match self.0.clone() {
            Some(certificates) => builder.certs(certificates),
            None => builder,
        }
    }
}

/// Checks the files while their names are known. Errors at the first connection would not
/// name the file.
#[cfg(feature = "redis-tls-no-provider")]
fn can_be_parsed(certificates: &TlsCertificates, query: &Query) -> Result<(), String> {
    let TlsCertificates { client_tls, root_cert } = certificates;
    let parse = |client_tls, root_cert| {
        let certificates = TlsCertificates { client_tls, root_cert };
        redis::Client::build_with_tls("rediss://localhost", certificates).map(drop)
    };
    let path = |name| query.get(name).map(Option::unwrap_or_default);
    let ca = path(CA_FILE)?;
    parse(None, root_cert.clone()).map_err(|error| {
        format!("has a {CA_FILE} {ca:?} that is damaged ({error}): write PEM certificates into it")
    })?;
    let (cert, key) = (path(CERT_FILE)?, path(KEY_FILE)?);
    parse(client_tls.clone(), None).map_err(|error| {
        format!("has a {CERT_FILE} {cert:?} or a {KEY_FILE} {key:?} that is damaged ({error})")
    })
}

/// Reads a PEM file. One without any certificate is an error: it would be an empty list of
/// CAs, and the store would trust no server.
#[cfg(feature = "redis-tls-no-provider")]
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

#[cfg(not(feature = "redis-tls-no-provider"))]
mod without_tls {
    use redis::RedisError;
    use redis::cluster::ClusterClientBuilder;
    use redis::io::tcp::TcpSettings;

    use super::{Certificates, Query};

    /// Never made: a URL that asks for TLS is refused.
    pub(in super::super) type TlsStream = tokio::net::TcpStream;

    #[allow(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
    pub(in super::super) fn use_ring_unless_installed() -> Result<(), RedisError> {
        Ok(())
    }

    impl Certificates {
        #[allow(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
        pub(in super::super) fn read(_: &Query) -> Result<Self, String> {
            Ok(Self())
        }

        #[allow(clippy::unused_self, reason = "with TLS it holds something")]
        pub(in super::super) fn add_to(
            &self,
            builder: ClusterClientBuilder,
        ) -> ClusterClientBuilder {
            builder
        }

        #[allow(clippy::unused_async, clippy::unused_self, reason = "with TLS it connects")]
        pub(in super::super) async fn connect(
            &self,
            _: (&str, u16),
            _: &TcpSettings,
        ) -> Result<TlsStream, RedisError> {
            let what = "TLS needs the feature `redis-tls`";
            Err((redis::ErrorKind::InvalidClientConfig, what).into())
        }
    }
}
#[cfg(not(feature = "redis-tls-no-provider"))]
pub(super) use self::without_tls::{TlsStream, use_ring_unless_installed};

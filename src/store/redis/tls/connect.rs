//! TLS connections that leave rustls' process-wide settings alone.
//!
//! The `redis` crate takes the process-wide cryptography provider, and rustls installs one
//! if there is none. A library must not do that: an application that installs its own
//! provider afterwards would fail. So these connections are opened here, with a provider
//! that is passed to rustls and not installed.

use std::io;
use std::sync::Arc;

use redis::io::tcp::TcpSettings;
use redis::{ClientTlsConfig, ErrorKind, RedisError};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client};

use super::super::tcp;
use super::Certificates;

pub(in super::super) type TlsStream = Box<client::TlsStream<TcpStream>>;

impl Certificates {
    /// Connects to whichever address of the host is the first to answer.
    pub(in super::super) async fn connect(
        &self,
        (host, port): (&str, u16),
        settings: &TcpSettings,
    ) -> Result<TlsStream, RedisError> {
        let connector = TlsConnector::from(Arc::new(self.config()?));
        let name = ServerName::try_from(host)?.to_owned();
        let greet = |socket| connector.connect(name.clone(), socket);
        Ok(Box::new(tcp::connect((host, port), settings, greet).await?))
    }

    fn config(&self) -> Result<ClientConfig, RedisError> {
        let (roots, client) = match &self.0 {
            None => (None, None),
            Some(certificates) => {
                (certificates.root_cert.as_deref(), certificates.client_tls.as_ref())
            }
        };
        let config = ClientConfig::builder_with_provider(provider()?)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.map_or_else(system_roots, roots_in)?);
        let Some(ClientTlsConfig { client_cert, client_key }) = client else {
            return Ok(config.with_no_client_auth());
        };
        let chain = certificates_in(client_cert)?;
        let key = PrivateKeyDer::from_pem_slice(client_key).map_err(io::Error::other)?;
        config.with_client_auth_cert(chain, key).map_err(|error| {
            let what = "the client's certificate and key cannot be used";
            (ErrorKind::InvalidClientConfig, what, error.to_string()).into()
        })
    }
}

/// Returns the provider that the application has installed, or else ring.
fn provider() -> Result<Arc<CryptoProvider>, RedisError> {
    CryptoProvider::get_default().cloned().map_or_else(|| ring().map(Arc::new), Ok)
}

/// Installs ring for TLS connections that the `redis` crate opens, unless the application
/// has installed a provider. Otherwise rustls would panic if several providers are compiled
/// into the program.
pub(in super::super) fn use_ring_unless_installed() -> Result<(), RedisError> {
    if CryptoProvider::get_default().is_none() {
        // An error says that another thread has installed one meanwhile, which will do.
        let _ = ring()?.install_default();
    }
    Ok(())
}

#[cfg(feature = "redis-tls")]
#[allow(clippy::unnecessary_wraps, reason = "without ring it fails")]
fn ring() -> Result<CryptoProvider, RedisError> {
    Ok(rustls::crypto::ring::default_provider())
}

#[cfg(not(feature = "redis-tls"))]
fn ring() -> Result<CryptoProvider, RedisError> {
    let what = "TLS needs a rustls provider: install one, or switch on the feature `redis-tls`";
    Err((ErrorKind::InvalidClientConfig, what).into())
}

fn system_roots() -> Result<RootCertStore, RedisError> {
    let mut found = rustls_native_certs::load_native_certs();
    match found.errors.pop() {
        Some(error) => Err(io::Error::other(error).into()),
        None => roots_of(found.certs),
    }
}

fn roots_in(pem: &[u8]) -> Result<RootCertStore, RedisError> {
    roots_of(certificates_in(pem)?)
}

fn roots_of(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, RedisError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate)?;
    }
    Ok(roots)
}

fn certificates_in(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(io::Error::other)
}

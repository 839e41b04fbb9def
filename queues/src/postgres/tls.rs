//! TLS to the server: by rustls, which always verifies the certificate and the host's name.

use super::{PostgresError, PostgresOptions};

#[cfg(not(feature = "postgres-tls"))]
pub(super) use tokio_postgres::NoTls as Connector;
#[cfg(feature = "postgres-tls")]
pub(super) use tokio_postgres_rustls::MakeRustlsConnect as Connector;

/// `sslmode=require` has been refused.
#[cfg(not(feature = "postgres-tls"))]
#[allow(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
pub(super) fn connector(_: &PostgresOptions) -> Result<Connector, PostgresError> {
    Ok(Connector)
}

/// With the certificates that the system trusts, or those of the file in `SSL_CERT_FILE`.
#[cfg(feature = "postgres-tls")]
pub(super) fn connector(options: &PostgresOptions) -> Result<Connector, PostgresError> {
    use std::sync::Arc;

    use rustls::crypto::{CryptoProvider, ring};
    use rustls::{ClientConfig, RootCertStore};

    let mut roots = RootCertStore::empty();
    if options.config.get_ssl_mode() != tokio_postgres::config::SslMode::Disable {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    // Installs none: a program that installs its own afterwards would fail.
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(ring::default_provider()));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| PostgresError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    // `sslnegotiation=direct` needs it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Connector::new(config))
}

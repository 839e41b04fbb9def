//! TLS to the server: by rustls, which always verifies the certificate and the host's name.

#[cfg(feature = "postgres-tls-no-provider")]
mod config;

use deadpool_postgres::{Manager, ManagerConfig};
use tokio_postgres::{Config, NoTls};

use super::PostgresStoreError;
use super::url::Files;

/// The factory of the store's connections.
#[cfg(feature = "postgres-tls-no-provider")]
pub(super) fn manager(
    config: Config,
    files: &Files,
    options: ManagerConfig,
) -> Result<Manager, PostgresStoreError> {
    use tokio_postgres::config::SslMode;
    use tokio_postgres_rustls::MakeRustlsConnect;

    if config.get_ssl_mode() == SslMode::Disable {
        return Ok(Manager::from_config(config, NoTls, options));
    }
    let tls = config::client_config(files).map_err(|reason| PostgresStoreError::Tls { reason })?;
    Ok(Manager::from_config(config, MakeRustlsConnect::new(tls), options))
}

/// The factory of the store's connections. A URL that asks for TLS has been refused.
#[cfg(not(feature = "postgres-tls-no-provider"))]
#[allow(clippy::unnecessary_wraps, reason = "with TLS it can fail")]
pub(super) fn manager(
    config: Config,
    _: &Files,
    options: ManagerConfig,
) -> Result<Manager, PostgresStoreError> {
    Ok(Manager::from_config(config, NoTls, options))
}

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::super::url::{CERT, Files, KEY, ROOT};

/// The CAs and the client's certificate, or what is wrong with the URL.
pub(super) fn client_config(files: &Files) -> Result<ClientConfig, String> {
    let roots = match &files.root {
        Some(path) => roots_in(path)?,
        None => system_roots(),
    };
    let config = ClientConfig::builder_with_provider(provider()?)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("allows TLS, which the rustls provider cannot do: {error}"))?
        .with_root_certificates(roots);
    let mut config = match (&files.cert, &files.key) {
        (None, None) => config.with_no_client_auth(),
        (Some(cert), Some(key)) => {
            let chain = certificates_in(CERT, cert)?;
            config.with_client_auth_cert(chain, key_in(key)?).map_err(|error| {
                format!("has an {CERT} {cert:?} and an {KEY} {key:?} that do not fit: {error}")
            })?
        }
        _ => return Err(format!("needs both {CERT} and {KEY}, or neither")),
    };
    // `sslnegotiation=direct` needs it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// Returns the provider that the program has installed, or else ring. Installs none: a program that
/// installs its own afterwards would fail.
fn provider() -> Result<Arc<CryptoProvider>, String> {
    CryptoProvider::get_default().cloned().map_or_else(|| ring().map(Arc::new), Ok)
}

#[cfg(feature = "postgres-tls")]
#[allow(clippy::unnecessary_wraps, reason = "without ring it fails")]
fn ring() -> Result<CryptoProvider, String> {
    Ok(rustls::crypto::ring::default_provider())
}

#[cfg(not(feature = "postgres-tls"))]
fn ring() -> Result<CryptoProvider, String> {
    Err("allows TLS, which needs a rustls provider: install one, switch on the feature \
         `postgres-tls`, or write sslmode=disable"
        .to_owned())
}

/// The system's CAs that can be read. If there are none, no server is trusted.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn roots_in(path: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates_in(ROOT, path)? {
        roots.add(certificate).map_err(|error| damaged(ROOT, path, &error))?;
    }
    Ok(roots)
}

fn certificates_in(name: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(name, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Err(error) => Err(damaged(name, path, &error)),
        Ok(found) if found.is_empty() => {
            Err(format!("has an {name} {path:?} without a certificate in PEM"))
        }
        Ok(found) => Ok(found),
    }
}

fn key_in(path: &str) -> Result<PrivateKeyDer<'static>, String> {
    let pem = read(KEY, path)?;
    if String::from_utf8_lossy(&pem).contains("ENCRYPTED") {
        return Err(format!(
            "has an {KEY} {path:?} that is encrypted: give it without a passphrase"
        ));
    }
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| damaged(KEY, path, &error))
}

fn read(name: &str, path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path)
        .map_err(|error| format!("has an {name} {path:?} that cannot be read: {error}"))
}

fn damaged(name: &str, path: &str, error: &dyn std::error::Error) -> String {
    format!("has an {name} {path:?} that is damaged: {error}")
}

#[cfg(all(test, not(feature = "postgres-tls")))]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_needed() {
        let error = client_config(&Files::default()).expect_err("no provider is installed");
        assert!(error.contains("switch on the feature `postgres-tls`"), "{error}");
    }
}

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::directory::Directory;

/// An authority of its own, and a certificate it gave to a server.
#[derive(Debug)]
pub struct Certificates {
    directory: Directory,
    authority: String,
}

impl Certificates {
    /// For a server on this machine.
    pub fn new() -> Self {
        Self::naming(&["localhost", "127.0.0.1"])
    }

    /// For a server of these names and addresses.
    pub fn naming(names: &[&str]) -> Self {
        let authority_key = KeyPair::generate().expect("a key");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let authority_pem = authority.self_signed(&authority_key).expect("a certificate").pem();
        let issuer = Issuer::new(authority, authority_key);

        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let certificate = CertificateParams::new(names).expect("names of hosts");
        let certificate = certificate.signed_by(&key, &issuer).expect("a certificate");

        let directory = Directory::new();
        directory.write("authority.pem", &authority_pem);
        directory.write("certificate.pem", &certificate.pem());
        directory.write("key.pem", &key.serialize_pem());
        Self { directory, authority: authority_pem }
    }

    /// The authority's certificate, which a client is to trust.
    pub fn authority_pem(&self) -> &str {
        &self.authority
    }

    pub fn authority_path(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// How a Redis server is told of them.
    pub(super) fn arguments(&self) -> Vec<String> {
        [
            ("--tls-cert-file", "certificate.pem"),
            ("--tls-key-file", "key.pem"),
            ("--tls-ca-cert-file", "authority.pem"),
        ]
        .into_iter()
        .flat_map(|(option, file)| [option.to_owned(), self.directory.file(file)])
        .chain(["--tls-auth-clients".to_owned(), "no".to_owned()])
        .collect()
    }
}

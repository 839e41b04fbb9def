use std::path::{Path, PathBuf};

/// A certificate of `localhost` and `127.0.0.1`, and the authority that gave it;
/// valid for ever. Beside them, `self_signed` of an authority that is its own server, and
/// `expired`, which has ended.
#[derive(Debug, Clone, Copy)]
pub struct Certificates;

impl Certificates {
    /// The authority's certificate, which a client is to trust.
    pub fn authority_pem() -> String {
        std::fs::read_to_string(Self::path("authority.pem")).expect("a file of the project")
    }

    /// The arguments that tell a Redis server of them.
    pub(super) fn arguments() -> Vec<String> {
        [
            ("--tls-cert-file", "server.pem"),
            ("--tls-key-file", "server.key"),
            ("--tls-ca-cert-file", "authority.pem"),
        ]
        .into_iter()
        .flat_map(|(option, file)| [option.to_owned(), Self::path(file).display().to_string()])
        .chain(["--tls-auth-clients".to_owned(), "no".to_owned()])
        .collect()
    }

    /// The path of one of the files.
    pub fn path(file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redis/support/tls").join(file)
    }
}

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::certificates::Certificates;
use crate::support::Server;
use crate::support::directory::Directory;
use crate::support::programs::give_to_postgres;

/// A server with TLS. Its database `postgres` can be reached without, and `shop` only with it.
pub struct Secured(pub Server, #[allow(dead_code, reason = "holds the server's files")] Directory);

/// The superuser, one with a password, and one that has to show a certificate.
const ACCESS: &str = "\
host postgres postgres 127.0.0.1/32 trust
hostssl shop postgres 127.0.0.1/32 trust
hostssl shop guest 127.0.0.1/32 scram-sha-256
hostssl shop keyed 127.0.0.1/32 trust clientcert=verify-ca
";

impl Secured {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[&str]) -> Self {
        Self::showing("server", settings).await
    }

    /// A server that shows this certificate.
    pub async fn showing(certificate: &str, settings: &[&str]) -> Self {
        let directory = Directory::new();
        let file = |name: &str| directory.path().join(name);
        for end in ["pem", "key"] {
            let from = Certificates::path(&format!("{certificate}.{end}"));
            fs::copy(from, file(end)).expect("a writable directory");
        }
        // Servers refuse keys that others could read.
        fs::set_permissions(file("key"), Permissions::from_mode(0o600)).expect("a file");
        fs::write(file("access"), ACCESS).expect("a writable directory");
        give_to_postgres(directory.path());
        let setting = |name: &str, of: &str| format!("{name}={}", file(of).display());
        let own = [
            "ssl=on".to_owned(),
            setting("ssl_cert_file", "pem"),
            setting("ssl_key_file", "key"),
            setting("hba_file", "access"),
        ];
        let all: Vec<&str> =
            own.iter().map(String::as_str).chain(settings.iter().copied()).collect();
        let server = Server::with(&all).await;
        server.execute("CREATE DATABASE shop").await;
        Self(server, directory)
    }

    /// The URL of the database that can only be reached with TLS.
    pub fn url(&self, user: &str, host: &str, query: &str) -> String {
        format!("postgres://{user}@{host}:{}/shop?{query}", self.0.address().port())
    }

    /// Whether every connection of a store is encrypted. There has to be one.
    pub async fn encrypts_all_of_the_store(&self) -> bool {
        let query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                     WHERE application_name = 'nevent-webhooks'";
        self.0.client().await.query_one(query, &[]).await.expect("a server").get(0)
    }
}

/// The path of a file, for a URL.
pub fn path(file: &str) -> String {
    Certificates::path(file).to_str().expect("a path in UTF-8").replace('%', "%25")
}

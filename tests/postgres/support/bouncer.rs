use std::fs::File;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_postgres::NoTls;

use super::directory::Directory;
use super::ports::free_port;
use super::process::Process;
use super::programs::{as_postgres, give_to_postgres};
use super::{PATIENCE, Server};

/// A PgBouncer in transaction mode before a server. Killed when dropped.
#[derive(Debug)]
pub struct Bouncer {
    /// Before the directory: a process that is gone writes no more into it.
    process: Process,
    _directory: Directory,
    port: u16,
}

impl Bouncer {
    /// With more settings, as in `&["default_pool_size=3"]`.
    pub async fn before(server: &Server, settings: &[&str]) -> Self {
        let (directory, port) = (Directory::new(), free_port());
        let file = directory.path().join("bouncer.ini");
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=postgres\n\
             [pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\n\
             auth_type=any\npool_mode=transaction\n{}\n",
            server.address().port(),
            settings.join("\n"),
        );
        std::fs::write(&file, text).expect("a writable directory");
        give_to_postgres(directory.path());
        let log = File::create(directory.path().join("log")).expect("a writable directory");
        let mut command = as_postgres("/usr/sbin/pgbouncer");
        command.arg(&file).stdout(log.try_clone().expect("a file")).stderr(log);
        let process = Process(command.spawn().expect("setpriv"));
        let mut bouncer = Self { process, _directory: directory, port };
        bouncer.wait().await;
        bouncer
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    async fn wait(&mut self) {
        let begun = Instant::now();
        while tokio_postgres::connect(&self.url(), NoTls).await.is_err() {
            assert!(!self.process.has_ended(), "pgbouncer ended: run ./test, which installs it");
            assert!(begun.elapsed() < PATIENCE, "pgbouncer accepts no connections");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

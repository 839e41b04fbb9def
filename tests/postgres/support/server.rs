mod database;
mod small_disk;
mod standby;

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nevent_webhooks::store::PostgresStore;
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

pub use self::database::Database;
use super::PATIENCE;
use super::directory::Directory;
use super::ports::free_port;
use super::process::Process;
use super::programs::{give_to_postgres, program, run};

/// A PostgreSQL server on a port and in a directory of its own. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// Before the directory: a process that is gone writes no more into it.
    process: Process,
    directory: Directory,
    port: u16,
    settings: Vec<String>,
    small_disk: bool,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With more settings, as in `&["max_connections=5"]`.
    pub async fn with(settings: &[&str]) -> Self {
        Self::launch(settings, false).await
    }

    async fn launch(settings: &[&str], small_disk: bool) -> Self {
        let directory = Directory::new();
        let data = directory.path().join("data");
        run(Command::new("cp").arg("-a").arg(template()).arg(&data));
        give_to_postgres(&data);
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        for _ in 0..20 {
            let port = free_port();
            let mut process = spawn(&directory, port, &settings, small_disk);
            if is_ready(&mut process, port).await {
                return Self { process, directory, port, settings, small_disk };
            }
        }
        panic!("the server does not start (a small disk needs root): {}", log(&directory));
    }

    pub fn url(&self) -> String {
        url(self.port)
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// A store on this server, migrated.
    pub async fn store(&self) -> PostgresStore {
        PostgresStore::migrate(&self.url()).await.expect("a server");
        PostgresStore::connect(&self.url()).await.expect("a migrated server")
    }

    /// Executes statements as the superuser.
    pub async fn execute(&self, statements: &str) {
        self.client().await.batch_execute(statements).await.expect("valid statements");
    }

    /// A connection of its own, as the superuser.
    pub async fn client(&self) -> Client {
        connect(self.port).await.expect("a server")
    }

    /// Kills all its processes as a crash would, and starts it again.
    pub async fn crash_and_restart(&mut self) {
        self.crash();
        self.start_again().await;
    }

    /// Ends at once, without a checkpoint, as `restart -m immediate` does.
    pub fn crash(&mut self) {
        self.process.signal("-QUIT");
        self.process.wait();
    }

    pub async fn start_again(&mut self) {
        self.process = spawn(&self.directory, self.port, &self.settings, self.small_disk);
        assert!(is_ready(&mut self.process, self.port).await, "{}", log(&self.directory));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A kill would leave its shared memory behind.
        if !self.process.has_ended() {
            self.crash();
        }
    }
}

/// Tests stop and kill servers, but never the machine, so nothing has to reach the disk.
const SETTINGS: [&str; 7] = [
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "listen_addresses=127.0.0.1",
    "max_wal_size=256MB",
    "log_min_messages=warning",
    "unix_socket_directories=",
];

fn spawn(directory: &Directory, port: u16, settings: &[String], small_disk: bool) -> Process {
    let log = File::create(directory.path().join("log")).expect("a writable directory");
    let mut command = program("postgres");
    if small_disk {
        command = small_disk::on_it(&command, &directory.path().join("disk"));
    }
    command.arg("-D").arg(directory.path().join("data")).args(["-p", &port.to_string()]);
    let settings = settings.iter().map(String::as_str);
    for setting in SETTINGS.into_iter().chain(settings) {
        command.args(["-c", setting]);
    }
    command.stdout(log.try_clone().expect("a file")).stderr(log);
    Process(command.spawn().expect("setpriv"))
}

/// Whether the server accepts connections. It does not if its port was taken.
async fn is_ready(process: &mut Process, port: u16) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if connect(port).await.is_ok() {
            return true;
        }
        if process.has_ended() {
            return false;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the server on port {port} accepts no connections");
}

async fn connect(port: u16) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&url(port), NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

fn url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
}

fn log(directory: &Directory) -> String {
    std::fs::read_to_string(directory.path().join("log")).unwrap_or_default()
}

/// A new data directory to copy: to make one takes seconds.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("postgres-template");
        if !path.join("PG_VERSION").exists() {
            let directory = Directory::new();
            let data = directory.path().join("data");
            let mut initdb = program("initdb");
            initdb.arg("-D").arg(&data).args(["--username=postgres", "--auth=trust", "--no-sync"]);
            run(initdb.args(["--encoding=UTF8", "--locale=C", "--no-instructions"]));
            // Another test process may do the same at this moment. Only one of the two succeeds.
            let copy = path.with_extension(std::process::id().to_string());
            run(Command::new("cp").arg("-a").arg(&data).arg(&copy));
            if std::fs::rename(&copy, &path).is_err() {
                let _ = std::fs::remove_dir_all(&copy);
            }
        }
        path
    })
}

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use nevent_webhooks::store::SqliteStore;
use rusqlite::Connection;

/// A temporary directory with the file of a store, removed when dropped.
#[derive(Debug)]
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("sqlite-test-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match std::fs::create_dir(&path) {
                Ok(()) => return Self(path),
                // Left by a killed test process that had the same id.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => panic!("cannot create {}: {e}", path.display()),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the store and of the handlers.
    pub fn file(&self) -> PathBuf {
        self.0.join("shop.db")
    }

    /// A store as another process would have it: stores share nothing but the file.
    pub async fn store(&self) -> SqliteStore {
        SqliteStore::open(self.file()).await.expect("a file")
    }

    /// A connection of the handlers' own.
    pub fn connection(&self) -> Connection {
        Connection::open(self.file()).expect("a file")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

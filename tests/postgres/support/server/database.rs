use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use nevent_webhooks::store::PostgresStore;
use tokio::sync::Mutex;
use tokio_postgres::{Client, NoTls};

use super::Server;

/// A database of its own, on a server that tests share which run at the same time: for those that
/// never stop it.
pub struct Database {
    name: String,
    server: Arc<Server>,
}

impl Database {
    pub async fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("database{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let server = shared_server().await;
        server.execute(&format!("CREATE DATABASE {name}")).await;
        Self { name, server }
    }

    pub fn url(&self) -> String {
        self.server.url().replace("/postgres?", &format!("/{}?", self.name))
    }

    /// A store in this database, migrated.
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
        let connected = tokio_postgres::connect(&self.url(), NoTls).await;
        let (client, connection) = connected.expect("a server");
        tokio::spawn(connection);
        client
    }
}

/// The server, which ends with the last test that uses it.
async fn shared_server() -> Arc<Server> {
    static SERVER: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Server::with(&["max_connections=400"]).await);
    *shared = Arc::downgrade(&server);
    server
}

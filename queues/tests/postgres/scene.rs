//! Queues of tests.

use nevent_webhooks_queues::postgres::PostgresOptions;

use crate::engine::{Dead, sender};
use crate::servers::Server;
use crate::servers::server::Database;
use crate::support::sender::Sender;

/// A migrated database of its own, on the shared server.
pub struct Scene {
    pub database: Database,
    pub options: PostgresOptions,
}

impl Scene {
    pub async fn new() -> Self {
        let database = Database::new().await;
        let options = options(&database.url());
        options.migrate().await.expect("a server");
        Self { database, options }
    }

    pub async fn sender(&self) -> Sender {
        sender(&self.options).await
    }

    pub async fn dead(&self) -> Dead {
        Dead::of(&self.options).await
    }

    /// The number of entries for which this condition holds.
    pub async fn count(&self, condition: &str) -> i64 {
        let query = format!("SELECT count(*) FROM nevent_webhooks.entries WHERE {condition}");
        self.database.client().await.query_one(&query, &[]).await.expect("a table").get(0)
    }
}

/// Options for the test servers, which write nothing to the disk.
pub fn options(url: &str) -> PostgresOptions {
    let options = PostgresOptions::new(url, "tickets").expect("a URL");
    options.dangerously_accept_unsafe_disk().connections(4)
}

/// A server of its own, and its options, migrated.
pub async fn own_server(settings: &[&str]) -> (Server, PostgresOptions) {
    let server = Server::with(settings).await;
    let options = options(&server.url());
    options.migrate().await.expect("a server");
    (server, options)
}

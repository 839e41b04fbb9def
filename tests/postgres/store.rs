//! The promises of the store.

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::PostgresStore;
use nevent_webhooks::store::conformance::Harness;
use tokio::sync::OnceCell;

use crate::support::Database;

/// A database for each promise that is tried.
#[derive(Default)]
struct OwnDatabase(OnceCell<Database>);

impl Harness for OwnDatabase {
    type Store = PostgresStore;

    async fn store(&self) -> PostgresStore {
        self.0.get_or_init(Database::new).await.store().await
    }

    /// Shares a connection with nobody; the server's clock is the only one.
    async fn another_process(&self, _clock: ManualClock) -> Option<PostgresStore> {
        Some(self.store().await)
    }
}

mod keeps {
    nevent_webhooks::store_conformance!(super::OwnDatabase::default());
}

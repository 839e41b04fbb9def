//! The promises of the store.

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::PostgresStore;
use nevent_webhooks::store::conformance::Harness;
use tokio::sync::OnceCell;

use crate::support::Server;

/// One server for each promise that is tried.
#[derive(Default)]
struct OwnServer(OnceCell<Server>);

impl Harness for OwnServer {
    type Store = PostgresStore;

    async fn store(&self) -> PostgresStore {
        let server = self.0.get_or_init(Server::start).await;
        server.store().await
    }

    /// Shares a connection with nobody; the server's clock is the only one.
    async fn another_process(&self, _clock: ManualClock) -> Option<PostgresStore> {
        Some(self.store().await)
    }
}

mod keeps {
    nevent_webhooks::store_conformance!(super::OwnServer::default());
}

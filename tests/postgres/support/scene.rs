use std::time::{Duration, Instant};

use axum::http::StatusCode;
use nevent_webhooks::store::PostgresStore;
use nevent_webhooks::{Delivery, Rejection};
use tokio::time::sleep;

use super::acceptance::receiver::Setup;
use super::acceptance::{Adapter, Post, Receiver};
use super::{Effects, PATIENCE, Server, sell};

/// A server, its store, and the handlers' table.
pub struct Scene {
    pub store: PostgresStore,
    pub effects: Effects,
    /// Last, so that the others end before it.
    pub server: Server,
}

impl Scene {
    pub async fn new() -> Self {
        Self::on(Server::start().await).await
    }

    pub async fn on(server: Server) -> Self {
        let store = server.store().await;
        Self { store, effects: Effects::at(&server.url()).await, server }
    }

    pub fn receiver<F>(
        &self,
        adapter: Adapter,
        handler: impl Fn(Effects, Delivery) -> F + Send + Sync + 'static,
    ) -> Setup
    where
        F: Future<Output = Result<StatusCode, Rejection>> + Send + 'static,
    {
        let effects = self.effects.clone();
        Receiver::on(adapter)
            .store(self.store.clone())
            .refusing_handler(move |delivery| handler(effects.clone(), delivery))
    }

    /// A receiver whose handler sells and commits.
    pub fn selling(&self, adapter: Adapter) -> Setup {
        self.receiver(adapter, |effects, delivery| async move {
            let mut client = effects.client().await?;
            let transaction = client.transaction().await.map_err(unavailable)?;
            sell(&transaction, delivery.id().as_str()).await?;
            delivery.commit(transaction).await?;
            Ok(StatusCode::OK)
        })
    }
}

/// Delivers until the answer is 200, as a sender does.
pub async fn deliver_until_done(receiver: &Receiver, post: &Post) {
    let begun = Instant::now();
    while receiver.deliver(post).await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "the delivery is never handled");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The response of a handler whose database fails.
pub fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> Rejection {
    nevent_webhooks::transaction::CompleteError::Database(error.into()).into()
}

//! A table with one row for each effect of a handler, without any unique key.

use std::time::Duration;

use deadpool_postgres::{Manager, Pool, Runtime};
use nevent_webhooks::Rejection;
use tokio_postgres::NoTls;

use super::unavailable;

/// The handlers' own pool, and their table.
#[derive(Clone)]
pub struct Effects(Pool);

impl Effects {
    pub async fn at(url: &str) -> Self {
        Self::with_connections(url, 16).await
    }

    pub async fn with_connections(url: &str, most: usize) -> Self {
        let effects = Self::later(url, most);
        let client = effects.0.get().await.expect("a server");
        let table = "CREATE TABLE IF NOT EXISTS effects (id text NOT NULL)";
        client.batch_execute(table).await.expect("a table");
        effects
    }

    /// Connects when it is used. The table is there.
    pub fn later(url: &str, most: usize) -> Self {
        let mut config: tokio_postgres::Config = url.parse().expect("a URL");
        config.connect_timeout(Duration::from_secs(1));
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(most);
        Self(pool.runtime(Runtime::Tokio1).build().expect("a pool"))
    }

    pub async fn client(&self) -> Result<deadpool_postgres::Client, Rejection> {
        self.0.get().await.map_err(unavailable)
    }

    /// How many effects there are for this id.
    pub async fn of(&self, id: &str) -> i64 {
        let count = "SELECT count(*) FROM effects WHERE id = $1";
        let client = self.0.get().await.expect("a server");
        client.query_one(count, &[&id]).await.expect("a table").get(0)
    }
}

/// The effect, as a part of a transaction.
pub async fn sell(
    transaction: &deadpool_postgres::Transaction<'_>,
    id: &str,
) -> Result<(), Rejection> {
    let insert = "INSERT INTO effects VALUES ($1)";
    transaction.execute(insert, &[&id]).await.map(drop).map_err(unavailable)
}

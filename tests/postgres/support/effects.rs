//! A table with one row for each effect of a handler, without any unique key.

use deadpool_postgres::{Manager, Pool};
use nevent_webhooks::Rejection;
use tokio_postgres::NoTls;

use super::Server;

/// The handlers' own pool, and their table.
#[derive(Clone)]
pub struct Effects(Pool);

impl Effects {
    pub async fn new(server: &Server) -> Self {
        let config = server.url().parse().expect("a URL");
        let pool = Pool::builder(Manager::new(config, NoTls)).max_size(16).build().expect("a pool");
        let effects = Self(pool);
        let table = "CREATE TABLE IF NOT EXISTS effects (id text NOT NULL)";
        effects.client().await.batch_execute(table).await.expect("a table");
        effects
    }

    pub async fn client(&self) -> deadpool_postgres::Client {
        self.0.get().await.expect("a server")
    }

    /// How many effects there are for this id.
    pub async fn of(&self, id: &str) -> i64 {
        let count = "SELECT count(*) FROM effects WHERE id = $1";
        self.client().await.query_one(count, &[&id]).await.expect("a table").get(0)
    }
}

/// The effect, as a part of a transaction.
pub async fn sell(
    transaction: &deadpool_postgres::Transaction<'_>,
    id: &str,
) -> Result<(), Rejection> {
    transaction.execute("INSERT INTO effects VALUES ($1)", &[&id]).await.expect("a table");
    Ok(())
}

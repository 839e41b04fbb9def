use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use futures_util::future::join;
use nevent_webhooks::queue::{Once, Queue};
use nevent_webhooks::store::Store;
use nevent_webhooks_queues::postgres::{PostgresOptions, PostgresQueue, PostgresWorker};
use tokio_postgres::{Config, NoTls};

use crate::engine::{Engine, Tasks, each_at_once};
use crate::servers::postgres::server::Server;
use crate::taken::Taken;

/// A server that syncs each commit to its disk. The receiver's records are there, too: each delivery claims
/// its record in a transaction of its own, which the plain producer does not.
///
/// The plain consumer has a transaction open for each entry while it is handled, instead of a lease. So it
/// handles no more at the same time than it has connections, which are as many as the worker's.
pub struct Postgres {
    pool: Pool,
    options: PostgresOptions,
    _server: Server,
}

/// Later ones overrule those of the tests, whose servers write nothing to the disk.
const SAFE: [&str; 4] =
    ["fsync=on", "full_page_writes=on", "shared_buffers=128MB", "max_wal_size=1GB"];

/// The default of the engine.
const CONNECTIONS: usize = 8;

/// With the columns, indexes and settings of the engine's table.
const TABLE: &str = "CREATE TABLE plain (LIKE nevent_webhooks.entries INCLUDING ALL) WITH \
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)";

const PUT: &str = "INSERT INTO plain (queue, envelope) VALUES ('plain', $1)";

/// Nobody has to wait until the disk has it: a crash would only bring the entry back.
const BEGIN: &str = "BEGIN; SET LOCAL synchronous_commit = off";

const TAKE: &str = "DELETE FROM plain WHERE number = (SELECT number FROM plain \
    WHERE queue = 'plain' AND dead_at IS NULL AND run_at <= statement_timestamp() \
    ORDER BY run_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING envelope";

/// As in the engine, for whatever the statistics say of a table that is full and then empty.
const ALONG_THE_INDEX: &str = "-c enable_seqscan=off -c enable_bitmapscan=off -c enable_sort=off";

fn pool(server: &Server) -> Pool {
    let mut config: Config = server.url().parse().expect("a URL");
    config.options(ALONG_THE_INDEX);
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, NoTls, recycling);
    Pool::builder(manager).max_size(CONNECTIONS).build().expect("a pool")
}

/// Takes one entry, in two round trips.
async fn take(pool: Pool, taken: Arc<Taken>) {
    let connection = pool.get().await.expect("a server");
    let take = connection.prepare_cached(TAKE).await.expect("a table");
    let (begun, row) =
        join(connection.batch_execute(BEGIN), connection.query_one(&take, &[])).await;
    begun.expect("a server");
    let _body: &str = row.expect("an entry").get(0);
    taken.one();
    connection.batch_execute("COMMIT").await.expect("a server");
}

impl Engine for Postgres {
    const NAME: &str = "postgres";

    async fn start() -> Self {
        let server = Server::with(&SAFE).await;
        let options = PostgresOptions::new(&server.url(), "tickets").expect("a URL");
        options.migrate().await.expect("a server");
        server.execute(TABLE).await;
        Self { pool: pool(&server), options, _server: server }
    }

    async fn queue(&self) -> impl Queue {
        PostgresQueue::connect(&self.options).await.expect("a safe server")
    }

    async fn store(&self) -> impl Store {
        self.options.store().await.expect("a server")
    }

    async fn work(&self, once: &Once, taken: &Arc<Taken>) {
        let worker = PostgresWorker::connect(&self.options).await.expect("a safe server");
        worker.run(once, taken.handler(), taken.all()).await;
    }

    async fn produce(&self, body: &str) -> Duration {
        each_at_once(Self::COUNT, |_| {
            let (pool, body) = (self.pool.clone(), body.to_owned());
            async move {
                let connection = pool.get().await.expect("a server");
                let put = connection.prepare_cached(PUT).await.expect("a table");
                connection.execute(&put, &[&body]).await.expect("a table");
            }
        })
        .await
    }

    async fn consume(&self, taken: &Arc<Taken>) {
        let mut tasks = Tasks::of_a_consumer();
        for _ in 0..Self::COUNT {
            tasks.spawn(take(self.pool.clone(), Arc::clone(taken))).await;
        }
        tasks.end().await;
    }
}

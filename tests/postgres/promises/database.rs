//! PostgreSQL for the suite: the store's own schema, or one with a flaw.

use std::time::Duration;

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::conformance::Harness;
use nevent_webhooks::store::conformance::transactions::{Plan, TransactionHarness};
use nevent_webhooks::store::{PostgresOptions, PostgresStore};
use nevent_webhooks::transaction::{CompleteError, Transaction};
use tokio::sync::OnceCell;

use super::flaws::{Driver, Flaw};
use crate::support::Server;

/// The longest that the store waits for another writer.
const WAIT: Duration = Duration::from_millis(400);

/// One server for each promise that is tried.
pub struct OwnServer {
    server: OnceCell<Server>,
    driver: Driver,
}

impl OwnServer {
    pub fn new(driver: Driver) -> Self {
        Self { server: OnceCell::new(), driver }
    }

    async fn server(&self) -> &Server {
        let start = async || {
            let server = Server::start().await;
            create_table(&server).await;
            server
        };
        self.server.get_or_init(start).await
    }
}

impl Harness for OwnServer {
    type Store = PostgresStore;

    async fn store(&self) -> PostgresStore {
        let url = self.server().await.url();
        PostgresStore::migrate(&url).await.expect("a server");
        let mut options = PostgresOptions::new();
        if let Some(wait) = self.one_writer() {
            options = options.command_timeout(wait);
        }
        PostgresStore::open(&url, options).await.expect("a migrated server")
    }

    async fn another_process(&self, _clock: ManualClock) -> Option<PostgresStore> {
        Some(self.store().await)
    }
}

impl TransactionHarness for OwnServer {
    async fn transact(
        &self,
        plan: Plan<'_>,
        meanwhile: impl AsyncFnOnce(),
    ) -> Result<(), CompleteError> {
        transact(self.server().await, self.driver, plan, meanwhile).await
    }

    async fn effects(&self, name: &str) -> i64 {
        effects(self.server().await, name).await
    }

    fn one_writer(&self) -> Option<Duration> {
        matches!(self.driver, Driver::LocksAll).then_some(WAIT)
    }
}

/// A schema of its own on a server, with a flaw.
pub struct Flawed<'s> {
    server: &'s Server,
    flaw: &'static Flaw,
}

impl<'s> Flawed<'s> {
    pub async fn new(server: &'s Server, flaw: &'static Flaw) -> Self {
        server.execute(&flaw.schema_sql()).await;
        Self { server, flaw }
    }
}

impl Harness for Flawed<'_> {
    type Store = PostgresStore;

    async fn store(&self) -> PostgresStore {
        let options = PostgresOptions::new().schema(self.flaw.name);
        PostgresStore::open(&self.server.url(), options).await.expect("a schema with a flaw")
    }

    async fn another_process(&self, _clock: ManualClock) -> Option<PostgresStore> {
        Some(self.store().await)
    }
}

impl TransactionHarness for Flawed<'_> {
    async fn transact(
        &self,
        plan: Plan<'_>,
        meanwhile: impl AsyncFnOnce(),
    ) -> Result<(), CompleteError> {
        transact(self.server, self.flaw.driver, plan, meanwhile).await
    }

    async fn effects(&self, name: &str) -> i64 {
        effects(self.server, name).await
    }
}

pub async fn create_table(server: &Server) {
    server.execute("CREATE TABLE effects (name text NOT NULL)").await;
}

async fn transact(
    server: &Server,
    driver: Driver,
    plan: Plan<'_>,
    meanwhile: impl AsyncFnOnce(),
) -> Result<(), CompleteError> {
    let mut client = server.client().await;
    let mut transaction = client.transaction().await.expect("a server");
    let insert = "INSERT INTO effects VALUES ($1)";
    transaction.execute(insert, &[&plan.effect()]).await.expect("a table");
    let completed = match driver {
        Driver::LocksAll => {
            // Nobody else can write until the end, as in a database with one writer.
            let lock = "LOCK TABLE nevent_webhooks.records IN EXCLUSIVE MODE";
            transaction.batch_execute(lock).await.expect("a table");
            plan.complete_in(&mut transaction).await
        }
        Driver::Sound => plan.complete_in(&mut transaction).await,
        Driver::UndoesRefusals => undoing_refusals(&mut transaction, plan).await,
        Driver::CommitsApart => apart(server, plan).await,
    };
    meanwhile().await;
    if !plan.commits() {
        transaction.rollback().await.expect("a server");
        return completed;
    }
    // Also after a refusal: it must not be possible to commit the effect then.
    let committed = Transaction::commit(transaction).await;
    completed.and(committed)
}

async fn undoing_refusals(
    transaction: &mut tokio_postgres::Transaction<'_>,
    plan: Plan<'_>,
) -> Result<(), CompleteError> {
    let mut savepoint = transaction.transaction().await.expect("a server");
    let completed = plan.complete_in(&mut savepoint).await;
    if completed.is_err() {
        savepoint.rollback().await.expect("a server");
    }
    completed
}

async fn apart(server: &Server, plan: Plan<'_>) -> Result<(), CompleteError> {
    let mut other = server.client().await;
    let mut transaction = other.transaction().await.expect("a server");
    plan.complete_in(&mut transaction).await?;
    Transaction::commit(transaction).await
}

async fn effects(server: &Server, name: &str) -> i64 {
    let count = "SELECT count(*) FROM effects WHERE name = $1";
    server.client().await.query_one(count, &[&name]).await.expect("a table").get(0)
}

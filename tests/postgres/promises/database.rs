//! PostgreSQL for the suite: the store's own schema, or one with a flaw.

use std::time::Duration;

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::conformance::Harness;
use nevent_webhooks::store::conformance::transactions::{Plan, TransactionHarness};
use nevent_webhooks::store::{PostgresOptions, PostgresStore};
use nevent_webhooks::transaction::{CompleteError, Transaction};
use tokio::sync::OnceCell;

use super::flaws::{Driver, Flaw};
use crate::support::Database;

/// The longest that the store waits for another writer.
const WAIT: Duration = Duration::from_millis(400);

/// A database for each promise that is tried.
pub struct OwnDatabase {
    database: OnceCell<Database>,
    driver: Driver,
}

impl OwnDatabase {
    pub fn new(driver: Driver) -> Self {
        Self { database: OnceCell::new(), driver }
    }

    async fn database(&self) -> &Database {
        let create = async || {
            let database = Database::new().await;
            create_table(&database).await;
            database
        };
        self.database.get_or_init(create).await
    }
}

impl Harness for OwnDatabase {
    type Store = PostgresStore;

    async fn store(&self) -> PostgresStore {
        let url = self.database().await.url();
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

impl TransactionHarness for OwnDatabase {
    async fn transact(
        &self,
        plan: Plan<'_>,
        meanwhile: impl AsyncFnOnce(),
    ) -> Result<(), CompleteError> {
        transact(self.database().await, self.driver, plan, meanwhile).await
    }

    async fn effects(&self, name: &str) -> i64 {
        effects(self.database().await, name).await
    }

    fn one_writer(&self) -> Option<Duration> {
        matches!(self.driver, Driver::LocksAll).then_some(WAIT)
    }
}

/// A schema of its own in a database, with a flaw.
pub struct Flawed<'d> {
    database: &'d Database,
    flaw: &'static Flaw,
}

impl<'d> Flawed<'d> {
    pub async fn new(database: &'d Database, flaw: &'static Flaw) -> Self {
        database.execute(&flaw.schema_sql()).await;
        Self { database, flaw }
    }
}

impl Harness for Flawed<'_> {
    type Store = PostgresStore;

    async fn store(&self) -> PostgresStore {
        let options = PostgresOptions::new().schema(self.flaw.name);
        PostgresStore::open(&self.database.url(), options).await.expect("a schema with a flaw")
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
        transact(self.database, self.flaw.driver, plan, meanwhile).await
    }

    async fn effects(&self, name: &str) -> i64 {
        effects(self.database, name).await
    }
}

pub async fn create_table(database: &Database) {
    database.execute("CREATE TABLE effects (name text NOT NULL)").await;
}

async fn transact(
    database: &Database,
    driver: Driver,
    plan: Plan<'_>,
    meanwhile: impl AsyncFnOnce(),
) -> Result<(), CompleteError> {
    let mut client = database.client().await;
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
        Driver::CommitsApart => apart(database, plan).await,
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

async fn apart(database: &Database, plan: Plan<'_>) -> Result<(), CompleteError> {
    let mut other = database.client().await;
    let mut transaction = other.transaction().await.expect("a server");
    plan.complete_in(&mut transaction).await?;
    Transaction::commit(transaction).await
}

async fn effects(database: &Database, name: &str) -> i64 {
    let count = "SELECT count(*) FROM effects WHERE name = $1";
    database.client().await.query_one(count, &[&name]).await.expect("a table").get(0)
}

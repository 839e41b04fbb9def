use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nevent_webhooks::ClaimHandle;
use nevent_webhooks::queue::Envelope;
use nevent_webhooks::store::SqliteStore;
use nevent_webhooks::transaction::CompleteError;
use rusqlite::{Connection, TransactionBehavior::Immediate};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::Counts;
use crate::support::program::told;

/// The worker's database: a SQLite file with the effects and the records of them. No key is unique, so
/// that an effect that happens twice is there twice.
#[derive(Clone)]
pub struct Shop {
    pub store: SqliteStore,
    connection: Arc<Mutex<Connection>>,
    attempts: Arc<AtomicU32>,
}

/// Long enough that a worker that is killed has entries in hand.
const WORK: Duration = Duration::from_millis(10);
/// One attempt in so many fails, with the effect in a transaction that is rolled back.
const FAILING: u32 = 10;

impl Shop {
    pub async fn open(file: &str) -> Self {
        let store = SqliteStore::open(file).await.expect("a file");
        let connection = Connection::open(file).expect("a file");
        connection.busy_timeout(Duration::from_secs(10)).expect("a duration");
        connection
            .execute_batch("CREATE TABLE IF NOT EXISTS effects (event TEXT NOT NULL)")
            .expect("a table");
        let connection = Arc::new(Mutex::new(connection));
        Self { store, connection, attempts: Arc::default() }
    }

    /// In the worker's process: the file that the test has made.
    pub async fn told() -> Self {
        Self::open(&told("LEDGER_FILE")).await
    }

    /// The worker's handler: the effect and the record of it in one transaction. Some attempts fail.
    pub async fn sell(self, envelope: Envelope, claim: ClaimHandle) -> Result<(), CompleteError> {
        sleep(WORK).await;
        spawn_blocking(move || {
            let failed = |error: rusqlite::Error| CompleteError::Database(error.into());
            let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let sale = connection.transaction_with_behavior(Immediate).map_err(failed)?;
            sale.execute("INSERT INTO effects VALUES (?1)", [envelope.id().as_str()])
                .map_err(failed)?;
            if self.attempts.fetch_add(1, Ordering::Relaxed) % FAILING == FAILING - 1 {
                return Err(CompleteError::Database("not today".into()));
            }
            claim.commit_blocking(sale)
        })
        .await
        .expect("no panic")
    }

    /// The number of effects of each event.
    pub async fn counts(&self) -> Counts {
        let shop = self.clone();
        let counts = move || {
            let connection = shop.connection.lock().unwrap_or_else(PoisonError::into_inner);
            let query = "SELECT event, count(*) FROM effects GROUP BY event";
            let mut statement = connection.prepare(query).expect("a query");
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.expect("rows").collect::<Result<Counts, _>>().expect("ids and numbers")
        };
        spawn_blocking(counts).await.expect("no panic")
    }
}

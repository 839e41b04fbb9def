//! The promises of the completion statement, in transactions of `rusqlite`.

use std::time::Duration;

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::conformance::Harness;
use nevent_webhooks::store::conformance::transactions::{Plan, TransactionHarness};
use nevent_webhooks::store::{SqliteOptions, SqliteStore};
use nevent_webhooks::transaction::{BlockingTransaction, CompleteError};
use rusqlite::TransactionBehavior::Immediate;

use crate::support::Directory;
use crate::support::effects::{Effects, sell};

/// One file for each promise that is tried.
struct OwnFile {
    directory: Directory,
    effects: Effects,
}

/// How long the store waits for a handler's transaction.
const WAIT: Duration = Duration::from_millis(400);

impl OwnFile {
    fn new() -> Self {
        let directory = Directory::new();
        Self { effects: Effects::new(&directory), directory }
    }
}

impl Harness for OwnFile {
    type Store = SqliteStore;

    async fn store(&self) -> SqliteStore {
        let options = SqliteOptions::new().busy_timeout(WAIT);
        SqliteStore::open_with(self.directory.file(), options).await.expect("a file")
    }

    async fn another_process(&self, _clock: ManualClock) -> Option<SqliteStore> {
        Some(self.store().await)
    }
}

impl TransactionHarness for OwnFile {
    async fn transact(
        &self,
        plan: Plan<'_>,
        meanwhile: impl AsyncFnOnce(),
    ) -> Result<(), CompleteError> {
        let mut connection = self.effects.connection();
        let mut transaction =
            connection.transaction_with_behavior(Immediate).expect("no writer for five seconds");
        sell(&transaction, plan.effect());
        let mut statements = plan.statements().iter();
        let completed =
            statements.try_for_each(|one| BlockingTransaction::execute(&mut transaction, one));
        meanwhile().await;
        if !plan.commits() {
            // Fails if a refused completion has rolled the transaction back.
            let _ = transaction.rollback();
            return completed;
        }
        completed.and(BlockingTransaction::commit(transaction))
    }

    async fn effects(&self, name: &str) -> i64 {
        self.effects.of(name)
    }

    fn one_writer(&self) -> Option<Duration> {
        Some(WAIT)
    }
}

mod keeps {
    nevent_webhooks::transaction_conformance!(super::OwnFile::new());
}

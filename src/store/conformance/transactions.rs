//! The promises of a store's [completion statement](crate::store::CompletionSql), as tests for a
//! store of your own.
//!
//! They come on top of the [promises of `Store`](super). Implement [`TransactionHarness`] for your
//! [`Harness`], and pass it to [`transaction_conformance!`](crate::transaction_conformance). For a
//! database whose transactions implement [`Transaction`], the harness is this short:
#![cfg_attr(feature = "postgres", doc = "```no_run")]
#![cfg_attr(not(feature = "postgres"), doc = "```ignore")]
//! use nevent_webhooks::ManualClock;
//! use nevent_webhooks::store::PostgresStore;
//! use nevent_webhooks::store::conformance::Harness;
//! use nevent_webhooks::store::conformance::transactions::{Plan, TransactionHarness};
//! use nevent_webhooks::transaction::{CompleteError, Transaction};
//! use tokio_postgres::{Client, NoTls};
//!
//! const URL: &str = "postgres://postgres@localhost/tests";
//!
//! struct Database;
//!
//! impl Harness for Database {
//!     // ...
//! #     type Store = PostgresStore;
//! #
//! #     async fn store(&self) -> PostgresStore {
//! #         PostgresStore::connect(URL).await.expect("a database for tests")
//! #     }
//! #
//! #     async fn another_process(&self, _clock: ManualClock) -> Option<PostgresStore> {
//! #         Some(self.store().await)
//! #     }
//! }
//!
//! impl Database {
//!     async fn client(&self) -> Client {
//!         let (client, connection) = tokio_postgres::connect(URL, NoTls).await.expect("a database");
//!         tokio::spawn(connection);
//!         client
//!     }
//! }
//!
//! impl TransactionHarness for Database {
//!     async fn transact(
//!         &self,
//!         plan: Plan<'_>,
//!         meanwhile: impl AsyncFnOnce(),
//!     ) -> Result<(), CompleteError> {
//!         let mut client = self.client().await;
//!         let mut transaction = client.transaction().await.expect("a database");
//!         // The table has no unique key, which would hide a second effect.
//!         let insert = "INSERT INTO effects (name) VALUES ($1)";
//!         transaction.execute(insert, &[&plan.effect()]).await.expect("a table");
//!         let completed = plan.complete_in(&mut transaction).await;
//!         meanwhile().await;
//!         if !plan.commits() {
//!             transaction.rollback().await.expect("a database");
//!             return completed;
//!         }
//!         // Also after a refusal: it must not be possible to commit the effect then.
//!         let committed = Transaction::commit(transaction).await;
//!         completed.and(committed)
//!     }
//!
//!     async fn effects(&self, name: &str) -> i64 {
//!         let count = "SELECT count(*) FROM effects WHERE name = $1";
//!         self.client().await.query_one(count, &[&name]).await.expect("a table").get(0)
//!     }
//! }
//!
//! nevent_webhooks::transaction_conformance!(Database);
//! ```
//!
//! Each of the [`promises`] is a test. The function [`report`] tries all of them.
//!
//! The suite cannot show what a crash leaves behind: a transaction whose process or database died
//! must be rolled back as a whole. Nor does it try savepoints, which not every database has.

mod commits;
mod list;
mod open;
mod races;
mod refusals;
mod retention;
mod stage;

use std::time::Duration;

use super::{Harness, Report};
use crate::transaction::{CompleteError, CompletionStatement, Transaction};

/// Each promise of a completion statement, to try alone with [`run`](super::run).
///
/// # Errors
///
/// Each returns [`NotKept::Broken`](super::NotKept::Broken) with the promise and what happened
/// instead.
pub mod promises {
    crate::__each_transaction_promise! { @each names [] }
}

/// Tries all of the [`promises`], one after the other.
///
/// A promise is broken, too, if the store panics.
pub fn report<H: TransactionHarness>(harness: &H) -> Report {
    let mut report = Report::default();
    crate::__each_transaction_promise! { @each report [report harness] }
    report
}

/// A store under test whose records a handler's transaction can reach, and that transaction.
///
/// The suite runs several transactions at the same moment, each on a thread of its own. So the
/// transactions of a blocking driver may block, and need not be `Send`.
pub trait TransactionHarness: Harness + Sync {
    /// Runs a transaction as a handler would, on a connection that no other transaction uses:
    ///
    /// 1. Begin the transaction.
    /// 2. Write a row with the name [`Plan::effect`] into a table without a unique key.
    /// 3. Execute [`Plan::statements`] with [`Plan::complete_in`], or one by one until one fails.
    /// 4. Call `meanwhile` and await it, also if a statement failed.
    /// 5. If [`Plan::commits`], try to commit, also if a statement failed. Otherwise roll back.
    ///
    /// # Errors
    ///
    /// The error of the statement that failed. Without one, the error of the commit.
    fn transact(
        &self,
        plan: Plan<'_>,
        meanwhile: impl AsyncFnOnce(),
    ) -> impl Future<Output = Result<(), CompleteError>>;

    /// Counts the effects of this name that were committed.
    fn effects(&self, name: &str) -> impl Future<Output = i64>;

    /// Returns the longest time that the store waits for another writer, if the database has only
    /// one writer at a time, as SQLite does. Default `None`: the database locks single rows.
    ///
    /// In a database with one writer, an open transaction of any handler can keep every claim and
    /// renewal waiting. The suite then lets them fail within this time. Return `None` if you can:
    /// each such failure is a 503 for the sender, and a lease that is not renewed may expire.
    fn one_writer(&self) -> Option<Duration> {
        None
    }
}

/// The steps of a transaction of the suite. See [`TransactionHarness::transact`].
#[derive(Debug, Clone, Copy)]
pub struct Plan<'p> {
    effect: &'p str,
    statements: &'p [CompletionStatement<'p>],
    commits: bool,
}

impl<'p> Plan<'p> {
    /// The name of the effect, a text.
    #[must_use]
    pub fn effect(&self) -> &'p str {
        self.effect
    }

    /// The completion statements to execute, in this order. Mostly there is one. After a statement
    /// has failed, do not execute the others.
    #[must_use]
    pub fn statements(&self) -> &'p [CompletionStatement<'p>] {
        self.statements
    }

    /// Whether to commit the transaction. Otherwise roll it back.
    #[must_use]
    pub fn commits(&self) -> bool {
        self.commits
    }

    /// Executes the statements in a transaction, until one fails.
    ///
    /// # Errors
    ///
    /// The error of the statement that failed.
    pub async fn complete_in<T: Transaction>(
        &self,
        transaction: &mut T,
    ) -> Result<(), CompleteError> {
        for statement in self.statements {
            transaction.execute(statement).await?;
        }
        Ok(())
    }
}

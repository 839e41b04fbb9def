//! The promises of the completion statement, kept by the store and broken by flawed ones.

mod database;
mod flaws;

use std::thread;

use nevent_webhooks::ManualClock;
use nevent_webhooks::store::conformance::transactions::{Plan, TransactionHarness, report};
use nevent_webhooks::store::conformance::{Finding, Harness, NotKept};
use nevent_webhooks::store::{MemoryStore, SharedStore};
use nevent_webhooks::transaction::CompleteError;
use tokio::runtime::Runtime;

use self::database::{Flawed, OwnDatabase, create_table};
use self::flaws::{Driver, FLAWS, Flaw};
use crate::support::Database;

mod keeps {
    nevent_webhooks::transaction_conformance!(super::OwnDatabase::new(super::Driver::Sound));
}

mod keeps_with_one_writer {
    nevent_webhooks::transaction_conformance!(super::OwnDatabase::new(super::Driver::LocksAll));
}

/// Every flaw is noticed by its promises. Every promise notices a flaw, or it would be of no use.
#[test]
fn every_flaw_is_noticed_by_its_promises() {
    let runtime = Runtime::new().expect("a runtime");
    let database = runtime.block_on(async {
        let database = Database::new().await;
        create_table(&database).await;
        database
    });
    let database = &database;
    let mut unnoticed = Vec::new();
    for flaws in FLAWS.chunks(8) {
        thread::scope(|scope| {
            let trial = |flaw| scope.spawn(move || unnoticed_by(database, flaw));
            let trials: Vec<_> = flaws.iter().map(trial).collect();
            let ends = trials.into_iter().map(|trial| trial.join().expect("no panic"));
            unnoticed.extend(ends.flatten());
        });
    }
    assert!(unnoticed.is_empty(), "flaws, and the promises that did not notice: {unnoticed:#?}");
    let notices = |promise: &&str| FLAWS.iter().any(|flaw| flaw.is_noticed_by(promise));
    let of_no_use: Vec<_> =
        all_promises().into_iter().filter(|promise| !notices(promise)).collect();
    assert!(of_no_use.is_empty(), "promises that notice no flaw: {of_no_use:#?}");
}

/// The promises that should have noticed the flaw, and did not.
fn unnoticed_by(
    database: &Database,
    flaw: &'static Flaw,
) -> Vec<(&'static str, &'static str, Result<(), NotKept>)> {
    let runtime = Runtime::new().expect("a runtime");
    let flawed = runtime.block_on(Flawed::new(database, flaw));
    let mut unnoticed = Vec::new();
    for (promise, tries) in flaw.promises {
        let trial = runtime.block_on(tries(&flawed));
        println!("{}: {promise}: {trial:?}", flaw.name);
        if !matches!(trial, Err(NotKept::Broken(_))) {
            unnoticed.push((flaw.name, *promise, trial));
        }
    }
    unnoticed
}

/// The names of all promises: a store without a completion statement breaks each.
fn all_promises() -> Vec<&'static str> {
    let report = report(&WithoutStatement);
    assert_eq!((report.kept, report.skipped), (vec![], vec![]));
    let promise = |broken: Finding| {
        assert_eq!(broken.because, "the store has no completion statement");
        broken.promise
    };
    report.broken.into_iter().map(promise).collect()
}

struct WithoutStatement;

impl Harness for WithoutStatement {
    type Store = SharedStore;

    async fn store(&self) -> SharedStore {
        SharedStore::new(MemoryStore::new())
    }

    async fn another_process(&self, _clock: ManualClock) -> Option<SharedStore> {
        None
    }
}

impl TransactionHarness for WithoutStatement {
    async fn transact(
        &self,
        _plan: Plan<'_>,
        _meanwhile: impl AsyncFnOnce(),
    ) -> Result<(), CompleteError> {
        Err(CompleteError::NotTransactional)
    }

    async fn effects(&self, _name: &str) -> i64 {
        0
    }
}

//! The promises of the [`Store`] trait, as tests for a store of your own.
//!
//! Enable the feature `conformance` for your tests, write a [`Harness`], and pass it to
//! [`store_conformance!`](crate::store_conformance):
//!
//! ```toml
//! [dev-dependencies]
//! nevent-webhooks = { version = "0.1", features = ["conformance"] }
//! ```
#![cfg_attr(feature = "memory", doc = "```")]
#![cfg_attr(not(feature = "memory"), doc = "```ignore")]
//! use nevent_webhooks::ManualClock;
//! use nevent_webhooks::store::conformance::Harness;
//! # mod my_store {
//! #     use nevent_webhooks::store::*;
//! #     pub type MyStore = SharedStore;
//! #     pub async fn connect(_: &str) -> std::io::Result<MyStore> {
//! #         static ONE: std::sync::LazyLock<MyStore> =
//! #             std::sync::LazyLock::new(|| SharedStore::new(MemoryStore::new()));
//! #         Ok(ONE.clone())
//! #     }
//! # }
//! use my_store::MyStore;
//!
//! struct Database;
//!
//! impl Harness for Database {
//!     type Store = MyStore;
//!
//!     async fn store(&self) -> MyStore {
//!         my_store::connect("db://localhost").await.expect("a database for tests")
//!     }
//!
//!     // This store uses the database's clock, and ignores the client's.
//!     async fn another_process(&self, _clock: ManualClock) -> Option<MyStore> {
//!         Some(self.store().await)
//!     }
//! }
//!
//! nevent_webhooks::store_conformance!(Database);
//! # // Outside of tests the macro leaves nothing. This is what one of them does.
//! # use nevent_webhooks::store::conformance::{promises, run};
//! # run("the promise", promises::processes_share_their_records(&Database));
//! ```
//!
//! The macro makes a `#[test]` of each of the [`promises`]. A broken promise fails its test, at
//! the line of the macro in your file. A promise that your harness cannot try, such as one
//! between processes where there is only one, prints a line that starts with `skipped:`. The
//! function [`report`] tries all promises and returns which are kept, broken and skipped.
//!
//! Some promises wait for leases to expire. On a store in real time, all of them together take
//! about 15 s with two test threads and a few seconds with sixteen.
//!
//! If handlers can complete deliveries in their own transactions, hold the store's completion
//! statement to its promises, too: see [`transactions`].
//!
//! Two harnesses in one file need a module each. Minor releases may add promises, so a store
//! that passes today may fail after an upgrade.
//!
//! The suite leaves records behind, which expire within a minute. They are in scopes that begin
//! with `conformance-`. Each run of each promise has a scope of its own, so all of them can share
//! one store. It needs room for a thousand records.
//!
//! The suite cannot show that records survive a restart or a failover of your database. Nor can
//! it show that each operation is atomic where no race happened to interrupt one. You must argue
//! those yourself.

mod completion;
mod expiry;
mod fingerprints;
mod leases;
mod list;
mod processes;
mod races;
mod replays;
mod report;
mod scene;
mod scopes;
mod tasks;
pub mod transactions;

use std::time::Duration;

pub use self::report::{Finding, NotKept, Report, Trial, report, run};
use crate::{ManualClock, Store};

/// Each promise, to try alone.
///
/// # Errors
///
/// Each returns [`NotKept::Broken`] with the promise and the store's answer, or
/// [`NotKept::Skipped`] if the harness cannot try the promise.
pub mod promises {
    crate::__each_store_promise! { @each names [] }
}

/// The store under test, and its time.
///
/// Implement it with `async fn`s. They run on a tokio runtime that lives as long as one promise
/// is tried, so open connections in them and not before.
pub trait Harness {
    /// A handle on the store.
    type Store: Store;

    /// Returns a handle as this process has it. All handles are on the same records, at least
    /// for as long as the harness lives.
    fn store(&self) -> impl Future<Output = Self::Store>;

    /// Returns a handle on the same records as another process would have it. It shares nothing
    /// else with the first: no cache, no seed of a hash, no connection.
    ///
    /// `clock` is the clock of the other process's machine, which may be hours wrong. A store
    /// that takes no time from its clients ignores it.
    ///
    /// Return `None` if the records are in the memory of one process. The promises between
    /// processes are then skipped.
    fn another_process(&self, clock: ManualClock) -> impl Future<Output = Option<Self::Store>>;

    /// Lets at least this much time pass for the store. The default waits.
    ///
    /// If the store has a clock that can be moved, move it, and let no other test share the
    /// store.
    fn pass(&self, time: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(time)
    }
}

//! What the [`Store`] trait promises, as tests for a store of your own.
//!
//! Enable the feature `conformance` for your tests, write a [`Harness`], and name
//! it to [`store_conformance!`](crate::store_conformance):
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
//! #     #[derive(Debug, Clone)]
//! #     pub struct MyStore(std::sync::Arc<nevent_webhooks::store::MemoryStore>);
//! #     impl MyStore {
//! #         pub async fn connect(_: &str) -> std::io::Result<Self> {
//! #             static ONE: std::sync::LazyLock<MyStore> =
//! #                 std::sync::LazyLock::new(|| MyStore(Default::default()));
//! #             Ok(ONE.clone())
//! #         }
//! #     }
//! #     use nevent_webhooks::store::*;
//! #     impl Store for MyStore {
//! #         fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
//! #             self.0.claim(claim)
//! #         }
//! #         fn renew<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Renewal> {
//! #             self.0.renew(claim)
//! #         }
//! #         fn complete<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Completion> {
//! #             self.0.complete(claim)
//! #         }
//! #         fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
//! #             self.0.release(claim)
//! #         }
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
//!         MyStore::connect("db://localhost").await.expect("a database for tests")
//!     }
//!
//!     // This one runs on the database's clock, and has no use for the client's.
//!     async fn another_process(&self, _clock: ManualClock) -> Option<MyStore> {
//!         Some(self.store().await)
//!     }
//! }
//!
//! nevent_webhooks::store_conformance!(Database);
//! # // Of the macro no test is left here: this is what one of them does.
//! # use nevent_webhooks::store::conformance::{promises, run};
//! # run(promises::processes_share_one_memory(&Database));
//! ```
//!
//! That is a `#[test]` for each of the [`promises`]. Some wait for leases to lapse: on
//! a store in real time, all take a quarter of a minute with two test threads, and a
//! few seconds with sixteen.
//!
//! Two harnesses in one file need a module each. A minor version may bring further
//! promises: what a store broke before, unseen, it is then told of.
//!
//! The suite leaves records behind that expire within a minute, in scopes that
//! begin with `conformance-`. Each run of each promise has one of its own, so all
//! can share one memory. That memory needs room for a thousand records.
//!
//! What it cannot show: that the memory survives a restart or a failover, and that
//! a step is atomic where no race happened to cut into it. That remains for you to
//! argue.

#[expect(clippy::missing_panics_doc, reason = "`promises` says it of all")]
mod bindings;
mod completion;
mod fingerprints;
mod leases;
mod processes;
#[expect(clippy::missing_panics_doc, reason = "`promises` says it of all")]
mod races;
mod scene;
mod scopes;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::{ManualClock, Store};

/// The memory that is tested, and its time.
///
/// Implement it with `async fn`s. They run on a tokio runtime that lives as long
/// as one promise is tried: connect in them, not before.
pub trait Harness {
    /// A handle on the memory.
    type Store: Store;

    /// A handle as this process holds it. Every call is a handle on the same
    /// memory, at least for as long as the harness lives.
    fn store(&self) -> impl Future<Output = Self::Store>;

    /// A handle on the same memory as another process would hold it: nothing in
    /// common with the first but the memory, no cache, no seed, no connection.
    /// Its machine's clock is `clock`, which may be hours off; a store that takes
    /// no time from its clients has no use for it. `None` if the memory lives in
    /// one process: then what is promised between processes is not tried.
    fn another_process(&self, clock: ManualClock) -> impl Future<Output = Option<Self::Store>>;

    /// Lets time pass for the store, at least this long: by waiting, unless the
    /// store runs on a clock that can be moved. (Then let no other test share it.)
    fn pass(&self, time: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(time)
    }
}

/// Makes a `#[test]` of each of the [`promises`](crate::store::conformance::promises),
/// named after it. Takes an expression for a [`Harness`](crate::store::conformance::Harness),
/// which each test evaluates anew. See [`store::conformance`](crate::store::conformance).
#[macro_export]
macro_rules! store_conformance {
    ($harness:expr) => {
        $crate::__each_store_promise! { @each tests [$harness] }
    };
}

/// The one list of the promises, and what is made of each.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_store_promise {
    (@each $do:ident $with:tt) => {
        $crate::__each_store_promise! { @$do $with
            leases:
                a_delivery_in_flight_is_held_for_its_owner,
                a_claim_can_be_repeated_with_its_token,
                a_lapsed_lease_can_be_taken,
                a_former_owner_changes_nothing,
                a_renewal_starts_the_lease_anew,
                only_the_owner_renews,
                a_lapsed_lease_cannot_be_renewed,
                a_lease_is_not_cut_to_whole_seconds,
                a_lease_is_not_drawn_out_to_whole_seconds,
                a_released_delivery_runs_again,
                only_the_owner_releases,
                a_future_that_is_never_polled_changes_nothing;
            completion:
                a_completed_delivery_is_not_claimed_again,
                a_release_never_reopens_what_is_completed,
                a_completion_is_recorded_without_a_record,
                a_completion_is_recorded_after_the_lease,
                only_the_owner_completes_what_is_in_flight,
                completing_twice_changes_nothing,
                a_completion_does_not_prolong_another,
                a_completion_outlives_its_lease,
                a_completion_is_remembered_for_its_retention;
            fingerprints:
                an_id_stands_for_one_body,
                reuse_changes_nothing,
                an_id_is_free_once_its_record_is_gone,
                an_id_stands_for_its_latest_owners_body;
            bindings:
                signed_bytes_are_bound_to_their_first_id,
                bindings_survive_release_and_lapse,
                bindings_are_remembered_for_their_window,
                any_bound_key_is_enough,
                a_repeat_in_flight_binds_further_keys,
                a_repeat_of_what_is_completed_binds_further_keys,
                bindings_that_disagree_lead_round_no_circle,
                a_binding_answers_before_a_record,
                reuse_binds_nothing,
                four_keys_are_bound_at_once;
            scopes:
                scopes_are_apart,
                events_are_apart_from_deliveries,
                bindings_stay_in_their_scope,
                unusual_names_are_kept_apart,
                unusual_ids_come_back_to_the_letter;
            processes:
                handles_share_one_memory,
                processes_share_one_memory,
                processes_agree_on_bodies,
                processes_share_bindings,
                leases_do_not_depend_on_a_clients_clock,
                memories_do_not_depend_on_a_clients_clock;
            races:
                one_of_many_claims_is_acquired,
                one_of_many_replays_is_acquired,
                one_of_many_takes_a_lapsed_lease,
                a_release_racing_with_claims_makes_one_owner,
                a_renewal_racing_with_a_release_brings_nothing_back,
                a_completion_racing_with_claims_lets_none_in,
                a_late_completion_racing_with_claims_is_one_of_them;
        }
    };
    (@tests [$harness:expr] $($theme:ident: $($promise:ident),+;)+) => {$($(
        #[test]
        fn $promise() {
            $crate::store::conformance::run(
                $crate::store::conformance::promises::$promise(&$harness),
            );
        }
    )+)+};
    (@names [] $($theme:ident: $($promise:ident),+;)+) => {
        $(pub use super::$theme::{$($promise),+};)+
    };
    (@broken [$harness:ident] $($theme:ident: $($promise:ident),+;)+) => {
        [$($(broken(stringify!($promise), promises::$promise($harness))),+),+]
    };
}

/// Each promise, to run alone. All panic where the store does not keep it, with
/// what was promised and what came instead.
pub mod promises {
    crate::__each_store_promise! { @each names [] }
}

/// A promise that a store did not keep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken {
    /// The name of one of the [`promises`].
    pub promise: &'static str,
    /// What was promised, and what came instead.
    pub because: String,
}

/// Tries all promises, one after the other, and tells which are broken.
pub fn broken_promises<H: Harness>(harness: &H) -> Vec<Broken> {
    let each = crate::__each_store_promise! { @each broken [harness] };
    each.into_iter().flatten().collect()
}

fn broken(promise: &'static str, keeps: impl Future<Output = ()>) -> Option<Broken> {
    let panic = catch_unwind(AssertUnwindSafe(|| run(keeps))).err()?;
    Some(Broken { promise, because: message(&*panic) })
}

fn message(panic: &(dyn Any + Send)) -> String {
    let literal = || panic.downcast_ref::<&str>().map(ToString::to_string);
    panic.downcast_ref::<String>().cloned().or_else(literal).unwrap_or_default()
}

/// Tries one of the [`promises`], on a runtime of its own.
///
/// # Panics
///
/// If the promise is broken, or no thread can be had.
pub fn run(promise: impl Future<Output = ()>) {
    // Workers enough for races that happen.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(4).enable_all().build();
    runtime.expect("a runtime for the test").block_on(promise);
}

//! Stores remember which deliveries were handled: the [`Store`] trait, its answers and errors,
//! and the stores that come with the crate.
//!
//! `MemoryStore` remembers within one process, `SqliteStore` on one machine, `RedisStore` and
//! `PostgresStore` across machines. To keep the records elsewhere, implement [`Store`]. The store
//! below is complete: it passes the suite in the module `conformance`, which tries the promises of
//! the trait on any store.
//!
#![cfg_attr(feature = "tower", doc = "```")]
#![cfg_attr(not(feature = "tower"), doc = "```ignore")]
#![doc = include_str!("../examples/small_store.rs")]
//! ```

mod answer;
mod completion_sql;
#[cfg(feature = "conformance")]
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::missing_errors_doc,
    reason = "tests, which may panic; the module `promises` documents their errors"
)]
pub mod conformance;
mod error;
mod identity;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use answer::{ClaimAnswer, Completion, Renewal};
pub use completion_sql::CompletionSql;
pub use error::StoreError;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use identity::ScopeInUse;
pub use identity::StoreIdentity;
#[cfg(feature = "memory")]
pub use memory::{CapacityError, MemoryStore, MemoryStoreStats};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore, PostgresStoreError};
#[cfg(all(feature = "redis", any(feature = "tower", feature = "actix", feature = "queue")))]
pub(crate) use redis::EffectsAnswer;
#[cfg(all(feature = "redis", any(feature = "tower", feature = "actix", feature = "queue")))]
pub use redis::{RedisEffectError, RedisEffects};
#[cfg(feature = "redis")]
pub use redis::{RedisOptions, RedisSource, RedisStore, RedisStoreError, RedisWarning};
pub use shared::SharedStore;
#[cfg(any(feature = "tower", feature = "actix", feature = "queue"))]
pub(crate) use shared::{AnyStore, Call};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStore, SqliteStoreError};

pub use crate::delivery::{Claim, Fingerprint, OwnerToken, RecordKind, Scope, ScopeError};

/// The records of deliveries, with four atomic operations. Implement it with `async fn`s, as the
/// complete store in the [module's documentation](self) does.
///
/// A store keeps two kinds of rows:
///
/// - A *record*, under a scope, a [`RecordKind`] and an id. It is *in flight*, held by the
///   owner's token until the lease expires, or *completed* until its retention has passed.
/// - A *replay record*, under a scope and a replay key. It names the id that signed bytes first
///   came with, until the claim's replay window has passed. By then their signature is too old to
///   be accepted again, or the delivery's record has expired.
///
/// # Atomicity
///
/// Each operation must be one atomic step, also among processes. Otherwise two claims at the
/// same moment could both be told to run the handler. So none has a default body.
///
/// Methods must be idempotent: the caller may drop a future before it completes and call again
/// with the same claim. A future that was never polled must have changed nothing. Methods must
/// not panic.
///
/// # Time
///
/// Measure leases, retention and replay windows with the store's clock, never the client's. Use
/// a monotonic clock where one is available.
///
/// An *expired* row, whose lease, retention or replay window has passed, counts as no row from
/// that moment on, whether or not it has been deleted. Each operation must check the time
/// itself:
///
/// | operation | over an expired record |
/// | --- | --- |
/// | [`claim`](Store::claim) | takes the record over in the same atomic step, for any token and any fingerprint |
/// | [`renew`](Store::renew) | returns [`Renewal::Lost`], also to the former owner, and does not revive the record |
/// | [`complete`](Store::complete) | records a new completion, with the claim's fingerprint and a retention that starts now; also for the former owner, and also over an expired completion |
/// | [`release`](Store::release) | changes nothing that another operation could notice |
///
/// The store deletes expired rows when it likes, for example on a schedule. It must do so often
/// enough that its size stays bounded.
///
/// # Errors
///
/// Return [`StoreError::unavailable`] for every error of a database or a network. The layers
/// log it with its sources, and answer the delivery with 503 for the sender to retry.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of deliveries",
    label = "not a store",
    note = "use `MemoryStore` or `RedisStore`, an `Arc` of one, or a `SharedStore`",
    note = "for a store of your own, implement `Store` with `async fn`s; their futures must be `Send`"
)]
pub trait Store: Send + Sync + 'static {
    /// Whether every future of this store is ready when it is first polled, as it is for a table
    /// in memory. Default `false`.
    ///
    /// [`SharedStore`] then asks the store without allocating a future. If a future is not ready
    /// after all, `SharedStore` drops it and calls the method again.
    const NEVER_WAITS: bool = false;

    /// Takes the delivery for the claim's token, or returns why not.
    ///
    /// In this order, in one atomic step:
    ///
    /// 1. If a replay record of one of the claim's replay keys names another id, and none names
    ///    the claim's own: returns [`ClaimAnswer::ReplayOf`] that id and changes nothing.
    /// 2. If the record has another fingerprint: returns [`ClaimAnswer::Conflict`] and changes
    ///    nothing.
    /// 3. If the record is completed, or in flight for another token: returns
    ///    [`ClaimAnswer::Completed`] or [`ClaimAnswer::InFlight`].
    /// 4. If there is no record, or it is in flight for this very token: the record is now in
    ///    flight for this token, its lease starts now, and the answer is
    ///    [`ClaimAnswer::Acquired`].
    ///
    /// In steps 3 and 4, each replay key without a replay record gets one with the claim's id. In
    /// step 4, a replay record that names the claim's id already is kept for the replay window from
    /// now on, if that is longer. Otherwise the signed bytes of a delivery whose first attempts failed
    /// would be forgotten before its record.
    fn claim(&self, claim: &Claim) -> impl Future<Output = Result<ClaimAnswer, StoreError>> + Send;

    /// Starts the claim's lease anew if its token holds the record.
    fn renew(&self, claim: &Claim) -> impl Future<Output = Result<Renewal, StoreError>> + Send;

    /// Records that the delivery was handled.
    ///
    /// The completion is recorded for the owner, and for any token when there is no record: the
    /// lease may have expired, or the store may have lost the record.
    ///
    /// If another token holds the record, leave it unchanged and return
    /// [`Completion::HeldByAnother`]. If the delivery is already completed, return
    /// [`Completion::Recorded`] and do not extend its retention.
    fn complete(
        &self,
        claim: &Claim,
    ) -> impl Future<Output = Result<Completion, StoreError>> + Send;

    /// Removes the record if it is in flight for the claim's token, so that the sender's retry
    /// can be claimed. Replay records stay.
    fn release(&self, claim: &Claim) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Identifies the store, so that layers can notice two endpoints that share a scope in it.
    /// By default a store has no identity and nothing is noticed.
    fn identity(&self) -> Option<&StoreIdentity> {
        None
    }

    /// The statement by which a handler completes its delivery in its own transaction, for a store
    /// whose records are in a database that handlers use, too. By default there is none, and
    /// [`Delivery::commit`](crate::Delivery::commit) says so.
    fn completion_sql(&self) -> Option<&CompletionSql> {
        None
    }
}

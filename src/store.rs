//! The memory of what was handled: the [`Store`] trait and what it speaks of.

#[cfg(feature = "conformance")]
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests: a promise that is broken panics"
)]
pub mod conformance;
mod identity;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "redis")]
mod redis;

use std::error::Error;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(feature = "tower", feature = "actix"))]
pub(crate) use identity::ScopeInUse;
pub use identity::StoreIdentity;
#[cfg(feature = "memory")]
pub use memory::{CapacityError, MemoryStore, MemoryStoreStats};
#[cfg(feature = "redis")]
pub use redis::{RedisOptions, RedisSource, RedisStore, RedisStoreError, RedisWarning};

use crate::DeliveryId;
pub use crate::delivery::{Claim, Fingerprint, OwnerToken, Scope, ScopeError};

/// Where claims live. Four operations, each atomic in the store.
///
/// A *record* stands under a scope and a delivery id. It is *in flight*, held by
/// an owner's token until a lease lapses, or *completed*, until its retention
/// has passed. A record whose lease has lapsed counts as no record. A *binding*
/// says under which id signed bytes were first seen, for as long as their
/// signature could be accepted again.
///
/// Leases and retention run on the store's own clock, never on a client's, and as far
/// as the store can choose on one that does not step. None of the four has a default body: each must be one
/// atomic step, or the promise "not handled twice" is void.
///
/// A method takes effect when its future is polled: a future that was never polled has
/// changed nothing. One that was polled and then dropped may or may not have taken effect,
/// so every method can be called again with the same claim. None may panic. Errors come out in log lines and in
/// [`Rejection`](crate::Rejection)s, with their sources.
///
/// All of this as tests, for a store of your own: the module `conformance`, with the
/// feature of that name.
pub trait Store: Debug + Send + Sync + 'static {
    /// Takes the delivery for the claim's token, or says why not.
    ///
    /// In this order, atomically:
    ///
    /// 1. A binding of one of the claim's replay keys names another id, and none
    ///    names the claim's own: [`ClaimAnswer::ReplayOf`] that id, nothing changes.
    /// 2. A record under this id has another fingerprint:
    ///    [`ClaimAnswer::Conflict`], nothing changes.
    /// 3. The record is completed, or in flight for another token:
    ///    [`ClaimAnswer::Completed`], [`ClaimAnswer::InFlight`].
    /// 4. There is no record, or it is in flight for this very token: it is in
    ///    flight for this token and the claim's lease, [`ClaimAnswer::Acquired`].
    ///
    /// In 3 and 4, replay keys without a binding are bound to this id.
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer>;

    /// Starts the claim's lease anew, for its owner only.
    fn renew<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Renewal>;

    /// Records that the delivery was handled: for the owner, and when there is
    /// no record (the lease lapsed and nobody took it, or the store lost it).
    /// Changes nothing while another token holds the record; nor if the delivery
    /// stands as completed already, which is the same answer and no longer memory.
    fn complete<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Completion>;

    /// Removes the record in flight, for its owner only, so that a retry runs.
    /// Bindings stay.
    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()>;

    /// Which store this is, so that layers notice when they stand in each other's way.
    /// By default it does not say, and nothing is noticed.
    fn identity(&self) -> Option<&StoreIdentity> {
        None
    }
}

/// What a [`Store`] method returns: boxed, so that a store is a value and not a
/// type of the whole router.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A store that several layers share.
impl<T: Store + ?Sized> Store for Arc<T> {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        (**self).claim(claim)
    }

    fn renew<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Renewal> {
        (**self).renew(claim)
    }

    fn complete<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Completion> {
        (**self).complete(claim)
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        (**self).release(claim)
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        (**self).identity()
    }
}

/// What became of a claim. Exhaustive: a caller that does not know an answer
/// could not be safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimAnswer {
    /// The token holds the delivery: run the handler.
    Acquired,
    /// Another token holds it, for this long unless renewed.
    InFlight {
        /// What is left of the lease.
        lease: Duration,
    },
    /// A handler completed it.
    Completed,
    /// These signed bytes were first seen under this id: claim that one.
    ReplayOf(DeliveryId),
    /// The id stands for another body.
    Conflict,
}

/// What became of a renewal. Exhaustive, as [`ClaimAnswer`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// The lease runs anew.
    Renewed,
    /// The token no longer holds the record.
    Lost,
}

/// What became of a completion. Exhaustive, as [`ClaimAnswer`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// The delivery stands as completed.
    Recorded,
    /// Another token holds the record; nothing was changed.
    HeldByAnother,
}

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room, and nothing that may be forgotten.
    #[error("the store is full of deliveries in flight: raise its capacity above {capacity}")]
    Full {
        /// How many records it may hold.
        capacity: usize,
    },
    /// Out of reach, too slow, or refusing.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn too_slow() -> Self {
        Self::Unavailable("it did not answer in time".into())
    }

    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn panicked() -> Self {
        Self::Unavailable("it panicked: that is a bug of the store".into())
    }

    /// The error's text and those of what caused it.
    #[cfg(any(feature = "tower", feature = "actix"))]
    pub(crate) fn with_sources(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

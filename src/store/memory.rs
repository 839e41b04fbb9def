//! The in-memory store. It is sharded, and its tables grow in small steps, so that it never pauses
//! to grow.

mod evictions;
mod first_id;
mod in_flight;
mod index;
#[cfg(all(test, nevent_loom))]
mod interleavings;
mod keyed_hash;
mod order;
mod records;
mod replays;
mod rows;
mod shards;
mod slab;
mod time;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::evictions::Evictions;
pub use self::evictions::MemoryStoreStats;
use self::keyed_hash::{Key, KeyedHash};
use self::records::Records;
use self::replays::Replays;
use self::shards::Shards;
use super::{Claim, ClaimAnswer, Completion, Renewal, Store, StoreError, StoreIdentity};
use crate::{Clock, SystemClock};

/// A store in the memory of this process, with a fixed capacity. Several processes each remember
/// only their own deliveries. To share one between layers, put it in an [`Arc`].
///
/// While the process lives, no delivery is handled a second time within its retention, unless
/// its record was evicted: a full store evicts a *completed* delivery, and counts it
/// ([`MemoryStore::stats`]). The store never evicts a delivery in flight. If all deliveries are in
/// flight, it refuses new claims. A restart loses all records.
///
/// # Eviction
///
/// Completed deliveries with the same retention form a group, and so do signatures with the same
/// replay window. A full store makes room in this order:
///
/// 1. It drops records that have expired, in any group. While there is one, it evicts no other.
/// 2. It evicts from the group with the most records. If the new record's own group has as many
///    as any other, it evicts from that one.
/// 3. Within a group it evicts the least recently seen delivery, or the oldest signature.
///
/// So a flood of deliveries with one retention cannot evict those of another while these hold no
/// more than their equal part: with two groups, half of the room that deliveries in flight leave.
/// A group may use all room that the others do not need.
///
/// The store tells eight retentions and eight replay windows apart. Records with any further one
/// join the group with the nearest. With a capacity of 32,768 or more the store is divided into
/// shards, each of which makes room for itself.
///
/// # Memory
///
/// In a full store, a completed record takes about 55 bytes, and more if its delivery was repeated. A
/// signature takes 55 bytes for its replay window, and the text of the delivery's id besides if that is
/// no UUID in lowercase. Nothing is reserved: memory grows as deliveries come, in small steps. What
/// expired records leave is used for new ones, and is not given back.
///
/// # Time
///
/// Retention and replay windows are kept in milliseconds, rounded up: a record may live for a millisecond
/// longer.
///
/// ```
/// use std::sync::Arc;
/// use nevent_webhooks::store::MemoryStore;
///
/// let store = Arc::new(MemoryStore::with_capacity(100_000)?);
/// assert_eq!(store.stats().completed, 0);
/// # Ok::<(), nevent_webhooks::store::CapacityError>(())
/// ```
pub struct MemoryStore {
    capacity: usize,
    replays: Shards<Replays>,
    records: Shards<Records>,
    hash: KeyedHash,
    clock: Arc<dyn Clock>,
    evictions: Evictions,
    identity: StoreIdentity,
}

impl MemoryStore {
    /// Creates a store with room for 1,500,000 records: Nevent's limit of 1,000 deliveries a
    /// minute for the default retention of 24 h, and some more.
    #[must_use]
    pub fn new() -> Self {
        Self::sized(1_500_000)
    }

    /// Creates a store with room for this many records, in flight and completed together. A
    /// store of 32,768 records or more has room for a few percent more.
    ///
    /// # Errors
    ///
    /// The capacity is zero, or above 1,000,000,000.
    pub fn with_capacity(records: usize) -> Result<Self, CapacityError> {
        match records {
            1..=MOST_RECORDS => Ok(Self::sized(records)),
            _ => Err(CapacityError { records }),
        }
    }

    /// Measures leases, retention and replay windows with this clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns figures to monitor. Locks each shard in turn.
    #[must_use]
    pub fn stats(&self) -> MemoryStoreStats {
        MemoryStoreStats {
            in_flight: self.records.sum(Records::in_flight),
            completed: self.records.sum(Records::completed),
            ..self.evictions.stats()
        }
    }

    fn sized(capacity: usize) -> Self {
        Self {
            capacity,
            // In a tiny store, otherwise, a replay record would be evicted before the record of
            // its delivery.
            replays: Shards::new(capacity.max(65_536), Replays::new),
            records: Shards::new(capacity, Records::new),
            hash: KeyedHash::default(),
            clock: Arc::new(SystemClock),
            evictions: Evictions::default(),
            identity: StoreIdentity::of_this_process(),
        }
    }

    fn claim_now(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        let key = self.hash.record(claim);
        if claim.replay_keys.is_empty() {
            let mut records = self.records.lock(key);
            return self.claim_record(key, claim, &mut records, self.clock.monotonic());
        }
        // Within a scope, all replay records of the same signed bytes are in one shard, because
        // they have one body. The scope is hashed as well, or one body in many scopes would
        // overflow that shard. Always lock in this order, or two claims could deadlock.
        let signed = self.hash.signed_bytes(&claim.scope, claim.fingerprint);
        let mut replays = self.replays.lock(signed.shard());
        let mut records = self.records.lock(key);
        // Read last, or a claim that waited for a lock would use a time that has passed.
        let now = self.clock.monotonic();
        let keys = claim.replay_keys.iter().map(|key| signed.replay(*key));
        if let Some(first) = replays.other_id(keys.clone(), &claim.id, now) {
            return Ok(ClaimAnswer::ReplayOf(first));
        }
        let answer = self.claim_record(key, claim, &mut records, now)?;
        if answer != ClaimAnswer::Conflict {
            let is_acquired = answer == ClaimAnswer::Acquired;
            replays.record(keys, claim, is_acquired, now, &self.evictions);
        }
        Ok(answer)
    }

    fn claim_record(
        &self,
        key: Key,
        claim: &Claim,
        records: &mut Records,
        now: Duration,
    ) -> Result<ClaimAnswer, StoreError> {
        let answer = records.claim(key, claim, now, &self.evictions);
        answer.ok_or(StoreError::Full { capacity: self.capacity })
    }

    fn with_record<T>(
        &self,
        claim: &Claim,
        act: impl FnOnce(&mut Records, Key, Duration) -> T,
    ) -> T {
        let key = self.hash.record(claim);
        act(&mut self.records.lock(key), key, self.clock.monotonic())
    }
}

impl Store for MemoryStore {
    const NEVER_WAITS: bool = true;

    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        self.claim_now(claim)
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        Ok(self.with_record(claim, |records, key, now| records.renew(key, claim, now)))
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        let complete =
            |records: &mut Records, key, now| records.complete(key, claim, now, &self.evictions);
        Ok(self.with_record(claim, complete))
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.with_record(claim, |records, key, _| records.release(key, claim));
        Ok(())
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        Some(&self.identity)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

crate::text::debug_is_display!(CapacityError);

/// A capacity that is zero or too large.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a store for {records} deliveries cannot be: give it room for 1 to {MOST_RECORDS}")]
pub struct CapacityError {
    records: usize,
}

const MOST_RECORDS: usize = 1_000_000_000;

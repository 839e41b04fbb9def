//! The in-memory store: sharded, its tables of what is completed sized at
//! construction, so that it never pauses to grow.

mod bindings;
#[cfg(all(test, nevent_loom))]
mod interleavings;
mod records;
mod shards;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use self::bindings::Bindings;
use self::records::Records;
use self::shards::{Key, KeyedHash, Shards};
use super::{
    Claim, ClaimAnswer, Completion, Renewal, Store, StoreError, StoreFuture, StoreIdentity,
};
use crate::{Clock, SystemClock};

/// Remembers deliveries within this process, up to a capacity. Several processes
/// each remember only their own. To share it between layers, put it in an [`Arc`].
///
/// No delivery is handled a second time while the process lives and the store
/// has room for what came within the retention. When full, it forgets the least
/// recently seen *completed* delivery, and counts what it forgot before its time
/// ([`MemoryStore::stats`]); what is in flight it never forgets, and refuses new
/// claims instead. A restart forgets everything.
///
/// It takes about 105 bytes per record and 180 per signature seen in the last
/// eleven minutes; 5 MiB, and 68 MiB of address space, before the first at the default
/// capacity. From 32,768 records on it is cut into shards, each with an order of its own.
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
    bindings: Shards<Bindings>,
    records: Shards<Records>,
    hash: KeyedHash,
    clock: Arc<dyn Clock>,
    forgotten: Forgotten,
    identity: StoreIdentity,
}

impl MemoryStore {
    /// Room for 1,500,000 records: Nevent's limit of 1,000 deliveries a minute
    /// for the default retention of 24 h, and some.
    #[must_use]
    pub fn new() -> Self {
        Self::sized(1_500_000)
    }

    /// Room for this many records, in flight and completed together. (A sharded
    /// store takes some percent more, so that it holds no fewer.)
    ///
    /// # Errors
    ///
    /// A capacity of zero, or above 1,000,000,000.
    pub fn with_capacity(records: usize) -> Result<Self, CapacityError> {
        match records {
            1..=MOST_RECORDS => Ok(Self::sized(records)),
            _ => Err(CapacityError { records }),
        }
    }

    /// Takes leases and retention from this clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Figures to watch. Walks over the shards.
    #[must_use]
    pub fn stats(&self) -> MemoryStoreStats {
        MemoryStoreStats {
            in_flight: self.records.sum(Records::in_flight),
            completed: self.records.sum(Records::completed),
            ..self.forgotten.stats()
        }
    }

    fn sized(capacity: usize) -> Self {
        Self {
            capacity,
            // Signatures outnumber records only where deliveries are retried, but
            // in a tiny store they must outlive the record they belong to.
            bindings: Shards::new(capacity.max(65_536), Bindings::new),
            records: Shards::new(capacity, Records::new),
            hash: KeyedHash::default(),
            clock: Arc::new(SystemClock),
            forgotten: Forgotten::default(),
            identity: StoreIdentity::of_this_process(),
        }
    }

    fn claim_now(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        let key = self.hash.record(&claim.scope, &claim.id);
        let replay_keys = self.hash.replays(&claim.scope, &claim.replay_keys);

        // Within a scope, all bindings of one set of signed bytes are in one shard, for
        // they have one body. The scope is mixed in, or one body in many scopes would
        // overflow that shard. Always locked in this order.
        let mut bindings = self.bindings.lock(self.hash.body(&claim.scope, claim.fingerprint));
        let mut records = self.records.lock(key);
        // Read last, or a claim that waited for a lock would go by a time that is over.
        let now = self.clock.monotonic();
        if let Some(first) = bindings.other_id(&replay_keys, &claim.id, now) {
            return Ok(ClaimAnswer::ReplayOf(first));
        }
        let Some(answer) = records.claim(key, claim, now, &self.forgotten) else {
            return Err(StoreError::Full { capacity: self.capacity });
        };
        if answer != ClaimAnswer::Conflict {
            bindings.bind(&replay_keys, claim, now, &self.forgotten);
        }
        Ok(answer)
    }

    fn with_record<T>(
        &self,
        claim: &Claim,
        act: impl FnOnce(&mut Records, Key, Duration) -> T,
    ) -> T {
        let key = self.hash.record(&claim.scope, &claim.id);
        act(&mut self.records.lock(key), key, self.clock.monotonic())
    }
}

// `async` blocks, so that each acts when it is polled and not when it is made.
impl Store for MemoryStore {
    fn claim<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ClaimAnswer> {
        Box::pin(async { self.claim_now(claim) })
    }

    fn renew<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Renewal> {
        Box::pin(async {
            Ok(self.with_record(claim, |records, key, now| records.renew(key, claim, now)))
        })
    }

    fn complete<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, Completion> {
        Box::pin(async {
            Ok(self.with_record(claim, |records, key, now| {
                records.complete(key, claim, now, &self.forgotten)
            }))
        })
    }

    fn release<'a>(&'a self, claim: &'a Claim) -> StoreFuture<'a, ()> {
        Box::pin(async {
            self.with_record(claim, |records, key, _| records.release(key, claim));
            Ok(())
        })
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

/// A capacity of zero, or beyond all memory.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a store for {records} deliveries cannot be: give it room for 1 to {MOST_RECORDS}")]
pub struct CapacityError {
    records: usize,
}

const MOST_RECORDS: usize = 1_000_000_000;

/// What a [`MemoryStore`] holds, and what it had to forget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryStoreStats {
    /// Records in flight, lapsed ones included until they are come upon.
    pub in_flight: usize,
    /// Records completed, expired ones included until they are come upon.
    pub completed: usize,
    /// How many completed records, or signatures, were forgotten for want of
    /// room before their time. Not 0: raise the capacity.
    pub forgotten_early: u64,
    /// The age of the youngest of them: a repeat later than this may have run a
    /// handler again.
    pub youngest_forgotten: Option<Duration>,
}

/// Counts what was forgotten before its time.
#[derive(Debug)]
struct Forgotten {
    count: AtomicU64,
    youngest_millis: AtomicU64,
}

impl Forgotten {
    fn record(&self, age: Duration) {
        let millis = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.youngest_millis.fetch_min(millis, Ordering::Relaxed);
    }

    fn stats(&self) -> MemoryStoreStats {
        let youngest = self.youngest_millis.load(Ordering::Relaxed);
        MemoryStoreStats {
            forgotten_early: self.count.load(Ordering::Relaxed),
            youngest_forgotten: (youngest != u64::MAX).then(|| Duration::from_millis(youngest)),
            ..MemoryStoreStats::default()
        }
    }
}

impl Default for Forgotten {
    fn default() -> Self {
        Self { count: AtomicU64::new(0), youngest_millis: AtomicU64::new(u64::MAX) }
    }
}

//! A `SharedStore` answers as the store in it does, and costs no allocation if that never waits.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use nevent_webhooks::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, MemoryStore, Renewal, Scope, SharedStore, Store,
    StoreError,
};
use nevent_webhooks::{DeliveryId, ReplayKey};

fn claim(id: &str) -> Claim {
    let scope = Scope::new("tickets").expect("a scope");
    Claim::new(scope, DeliveryId::new(id).expect("an id"), Fingerprint::of(b"body"))
}

fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.expect("a store"),
        Poll::Pending => unreachable!("it answers at once"),
    }
}

/// The allocations of each call: claims, a renewal, a completion, a release. Each is the least of
/// several, because now and then a table grows.
fn allocations(store: &impl Store) -> [u64; 6] {
    let all: Vec<_> = (0..20).map(|number| of_one_round(store, number)).collect();
    std::array::from_fn(|call| all.iter().map(|of_one| of_one[call]).min().expect("many"))
}

fn of_one_round(store: &impl Store, number: u8) -> [u64; 6] {
    let id = format!("first {number}");
    let (mut first, repeat) = (claim(&id), claim(&id));
    let released = claim(&format!("released {number}"));
    first.replay_keys = [ReplayKey::from_bytes([number; 16])].into();
    let counted = |act: &dyn Fn()| measure(act).count_total;
    [
        counted(&|| assert_eq!(now(store.claim(&first)), ClaimAnswer::Acquired)),
        counted(&|| assert_eq!(now(store.renew(&first)), Renewal::Renewed)),
        counted(&|| assert_eq!(now(store.complete(&first)), Completion::Recorded)),
        counted(&|| assert_eq!(now(store.claim(&repeat)), ClaimAnswer::Completed)),
        counted(&|| assert_eq!(now(store.claim(&released)), ClaimAnswer::Acquired)),
        counted(&|| now(store.release(&released))),
    ]
}

/// In several shards, every delivery might be the first of its shard.
fn one_shard() -> MemoryStore {
    MemoryStore::with_capacity(1000).expect("room")
}

#[test]
fn a_shared_store_in_memory_allocates_its_leases_and_nothing_else() {
    let lease = 1;
    let two_leases = [lease, 0, 0, 0, lease, 0];
    let bare = allocations(&one_shard());
    assert_eq!(bare, two_leases);
    assert_eq!(allocations(&SharedStore::new(one_shard())), bare);
    assert_eq!(allocations(&SharedStore::new(Arc::new(one_shard()))), bare);
    assert_eq!(allocations(&SharedStore::new(SharedStore::new(one_shard()))), bare);
}

/// Counts its calls, and waits once in each although it says that it never does.
struct Waits {
    inner: MemoryStore,
    calls: Arc<AtomicUsize>,
}

impl Waits {
    async fn wait(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
}

impl Store for Waits {
    const NEVER_WAITS: bool = true;

    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        self.wait().await;
        self.inner.claim(claim).await
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        self.wait().await;
        self.inner.renew(claim).await
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        self.wait().await;
        self.inner.complete(claim).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.wait().await;
        self.inner.release(claim).await
    }
}

#[tokio::test]
async fn a_store_that_waits_after_all_is_asked_again() {
    let calls = Arc::<AtomicUsize>::default();
    let store = SharedStore::new(Waits { inner: MemoryStore::new(), calls: calls.clone() });
    let (first, other) = (claim("d"), claim("d"));
    assert_eq!(store.claim(&first).await.expect("a store"), ClaimAnswer::Acquired);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(store.renew(&first).await.expect("a store"), Renewal::Renewed);
    assert_eq!(store.complete(&other).await.expect("a store"), Completion::HeldByAnother);
    store.release(&first).await.expect("a store");
    assert_eq!(store.claim(&other).await.expect("a store"), ClaimAnswer::Acquired);
    assert_eq!(store.complete(&other).await.expect("a store"), Completion::Recorded);
    assert_eq!(calls.load(Ordering::SeqCst), 12);
}

#[tokio::test]
async fn a_call_that_is_never_polled_does_nothing() {
    let store = SharedStore::new(MemoryStore::new());
    let (first, other) = (claim("d"), claim("d"));
    drop(store.claim(&first));
    assert_eq!(store.claim(&other).await.expect("a store"), ClaimAnswer::Acquired);
}

#[test]
fn clones_are_one_store_and_name_its_type() {
    let inner = Arc::new(MemoryStore::new());
    let store = SharedStore::new(inner.clone());
    now(store.clone().claim(&claim("d")));
    assert_eq!(inner.stats().in_flight, 1);
    assert!(store.identity().is_some());
    let name = format!("{:?}", SharedStore::new(store));
    let store = "SharedStore(alloc::sync::Arc<nevent_webhooks::store::memory::MemoryStore>)";
    assert_eq!(name, store);
}

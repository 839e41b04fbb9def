use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use xxhash_rust::xxh3::xxh3_128;

use super::Harness;
use crate::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, OwnerToken, Renewal, Scope, StoreFuture,
};
use crate::{DeliveryId, ManualClock, ReplayKey, Store};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// What no promise waits for: a lease, a retention or a window that holds.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// Sleeping and the store's clock need not agree to the millisecond.
const MARGIN: Duration = Duration::from_millis(100);

const HOUR: Duration = Duration::from_secs(3600);

/// What a promise is tried in: a scope of its own, and the clocks of two other
/// machines, an hour behind and an hour ahead of this one.
pub(super) struct Scene<'h, H> {
    harness: &'h H,
    scope: String,
    behind: ManualClock,
    ahead: ManualClock,
}

impl<'h, H: Harness> Scene<'h, H> {
    pub(super) async fn set(harness: &'h H) -> (Self, Handle<H::Store>) {
        let behind = ManualClock::now();
        behind.step_wall(-3600);
        // Monotonic time differs as well.
        let ahead = ManualClock::now();
        ahead.step_wall(-3600);
        ahead.advance(2 * HOUR);
        let scope =
            format!("conformance-{:032x}", u128::from_be_bytes(OwnerToken::draw().to_bytes()));
        let scene = Self { harness, scope, behind, ahead };
        let store = scene.another_handle().await;
        (scene, store)
    }

    /// A claim for this id over this body, with a token of its own. Nothing of
    /// it ends before a promise does.
    pub(super) fn claim(&self, id: &str, body: &str) -> Claim {
        let id = DeliveryId::new(id).expect("ids of the suite are well-formed");
        let mut claim = Claim::new(self.scope(""), id, Fingerprint::of(body.as_bytes()));
        (claim.lease, claim.retention, claim.replay_window) = (LONG, LONG, LONG);
        claim
    }

    /// The same, with these replay keys.
    pub(super) fn signed(&self, id: &str, body: &str, keys: &[u8]) -> Claim {
        let mut claim = self.claim(id, body);
        claim.replay_keys = keys.iter().map(|key| self.key(*key)).collect();
        claim
    }

    /// A scope of this scene's.
    pub(super) fn scope(&self, suffix: &str) -> Scope {
        Scope::new(format!("{}{suffix}", self.scope)).expect("scopes of the suite are well-formed")
    }

    /// Uniformly distributed, as real ones are.
    fn key(&self, number: u8) -> ReplayKey {
        ReplayKey::from_bytes(xxh3_128(format!("{} {number}", self.scope).as_bytes()).to_be_bytes())
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.harness.pass(time).await;
        self.behind.advance(time);
        self.ahead.advance(time);
    }

    /// Lets so much time pass that what was to hold for `time` holds no more.
    pub(super) async fn outlast(&self, time: Duration) {
        self.pass(time + MARGIN).await;
    }

    pub(super) async fn another_handle(&self) -> Handle<H::Store> {
        Handle(Arc::new(self.harness.store().await))
    }

    /// Two handles of processes whose clocks are behind and ahead.
    pub(super) async fn other_processes(&self) -> Option<[Handle<H::Store>; 2]> {
        let behind = self.harness.another_process(self.behind.clone()).await?;
        let ahead = self.harness.another_process(self.ahead.clone()).await?;
        Some([Handle(Arc::new(behind)), Handle(Arc::new(ahead))])
    }

    /// Every handle there can be.
    pub(super) async fn handles(&self) -> Vec<Handle<H::Store>> {
        let mut handles = vec![self.another_handle().await, self.another_handle().await];
        handles.extend(self.other_processes().await.into_iter().flatten());
        handles
    }
}

/// Another attempt at the same delivery.
pub(super) fn again(first: &Claim) -> Claim {
    let mut again = first.clone();
    again.token = OwnerToken::draw();
    again
}

/// A store that is asked, and held to what it promised.
pub(super) struct Handle<S>(Arc<S>);

impl<S: Store> Handle<S> {
    /// To make futures of, and to poll none.
    pub(super) fn unpolled(&self) -> &S {
        &self.0
    }

    pub(super) async fn claim(&self, claim: &Claim) -> ClaimAnswer {
        outcome("claim", self.0.claim(claim)).await
    }

    pub(super) async fn renew(&self, claim: &Claim) -> Renewal {
        outcome("renew", self.0.renew(claim)).await
    }

    pub(super) async fn complete(&self, claim: &Claim) -> Completion {
        outcome("complete", self.0.complete(claim)).await
    }

    pub(super) async fn release(&self, claim: &Claim) {
        outcome("release", self.0.release(claim)).await;
    }

    pub(super) async fn answers(&self, claim: &Claim, due: ClaimAnswer, promise: &str) {
        let answer = self.claim(claim).await;
        assert!(answer == due, "{promise}: claim answered {answer:?}, where {due:?} was due");
    }

    pub(super) async fn acquires(&self, claim: &Claim, promise: &str) {
        self.answers(claim, ClaimAnswer::Acquired, promise).await;
    }

    /// In flight for another, for longer than nothing and no longer than asked.
    pub(super) async fn in_flight(&self, claim: &Claim, most: Duration, promise: &str) {
        match self.claim(claim).await {
            ClaimAnswer::InFlight { lease } => assert!(
                lease > Duration::ZERO && lease <= most,
                "{promise}: claim answered that {lease:?} of the lease are left, \
                 where more than nothing and at most {most:?} can be"
            ),
            other => panic!("{promise}: claim answered {other:?}, where InFlight was due"),
        }
    }

    pub(super) async fn renews(&self, claim: &Claim, due: Renewal, promise: &str) {
        let renewal = self.renew(claim).await;
        assert!(renewal == due, "{promise}: renew answered {renewal:?}, where {due:?} was due");
    }

    pub(super) async fn completes(&self, claim: &Claim, due: Completion, promise: &str) {
        let completion = self.complete(claim).await;
        assert!(
            completion == due,
            "{promise}: complete answered {completion:?}, where {due:?} was due"
        );
    }
}

impl<S> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

async fn outcome<T>(operation: &str, future: StoreFuture<'_, T>) -> T {
    match future.await {
        Ok(outcome) => outcome,
        Err(error) => panic!("{operation} failed, which says nothing of promises: {error:?}"),
    }
}

/// Each on a task of its own, started together.
pub(super) async fn at_once<T, F>(jobs: Vec<F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let start = Arc::new(Barrier::new(jobs.len()));
    let tasks: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let start = start.clone();
            tokio::spawn(async move {
                start.wait().await;
                job.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic())));
    }
    results
}

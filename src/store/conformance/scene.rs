use std::sync::Arc;
use std::time::Duration;

use twox_hash::XxHash3_128;

use super::{Harness, NotKept, Trial};
use crate::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, OwnerToken, Renewal, Scope, StoreError,
};
use crate::{DeliveryId, ManualClock, ReplayKey, ReplayKeys, Store};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A lease, a retention or a window that does not expire while a promise is tried.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// The store's clock and the clock of this process need not agree to the millisecond.
const MARGIN: Duration = Duration::from_millis(100);

const HOUR: Duration = Duration::from_secs(3600);

/// The surroundings in which one promise is tried: a scope of its own, and the clocks of two
/// other machines, one an hour behind this one and one an hour ahead.
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
        // The two also differ in monotonic time.
        let ahead = ManualClock::now();
        ahead.step_wall(-3600);
        ahead.advance(2 * HOUR);
        let scope =
            format!("conformance-{:032x}", u128::from_be_bytes(OwnerToken::draw().to_bytes()));
        let scene = Self { harness, scope, behind, ahead };
        let store = scene.another_handle().await;
        (scene, store)
    }

    /// A claim for this id and this body, with a new token. Nothing of it expires while a
    /// promise is tried.
    pub(super) fn claim(&self, id: &str, body: &str) -> Claim {
        let id = DeliveryId::new(id).expect("ids of the suite are well-formed");
        let mut claim = Claim::new(self.scope(""), id, Fingerprint::of(body.as_bytes()));
        (claim.lease, claim.retention, claim.replay_window) = (LONG, LONG, LONG);
        claim
    }

    /// The same claim with these replay keys.
    pub(super) fn signed(&self, id: &str, body: &str, keys: &[u8]) -> Claim {
        let mut claim = self.claim(id, body);
        claim.replay_keys = ReplayKeys::first_four(keys.iter().map(|key| self.key(*key)));
        claim
    }

    /// One of the scene's scopes.
    pub(super) fn scope(&self, suffix: &str) -> Scope {
        Scope::new(format!("{}{suffix}", self.scope)).expect("scopes of the suite are well-formed")
    }

    /// A replay key. Uniformly distributed, as real ones are.
    fn key(&self, number: u8) -> ReplayKey {
        let hash = XxHash3_128::oneshot(format!("{} {number}", self.scope).as_bytes());
        ReplayKey::from_bytes(hash.to_be_bytes())
    }

    pub(super) async fn pass(&self, time: Duration) {
        self.harness.pass(time).await;
        self.behind.advance(time);
        self.ahead.advance(time);
    }

    /// Lets enough time pass for a lease, retention or window of `time` to expire.
    pub(super) async fn outlast(&self, time: Duration) {
        self.pass(time + MARGIN).await;
    }

    pub(super) async fn another_handle(&self) -> Handle<H::Store> {
        Handle(Arc::new(self.harness.store().await))
    }

    /// Handles of two processes whose clocks are behind and ahead. If there are none, the
    /// promise is skipped.
    pub(super) async fn other_processes(&self) -> Result<[Handle<H::Store>; 2], NotKept> {
        let process = async |clock: &ManualClock| {
            let store = self.harness.another_process(clock.clone()).await;
            Ok(Handle(Arc::new(store.ok_or(NotKept::Skipped(ONE_PROCESS))?)))
        };
        Ok([process(&self.behind).await?, process(&self.ahead).await?])
    }

    /// Handles of this process, and of others if there can be any.
    pub(super) async fn handles(&self) -> Result<Vec<Handle<H::Store>>, NotKept> {
        let mut handles = vec![self.another_handle().await, self.another_handle().await];
        match self.other_processes().await {
            Ok(others) => handles.extend(others),
            Err(NotKept::Skipped(_)) => {}
            Err(broken) => return Err(broken),
        }
        Ok(handles)
    }
}

/// Another attempt at the same delivery.
pub(super) fn again(first: &Claim) -> Claim {
    let mut again = first.clone();
    again.token = OwnerToken::draw();
    again
}

/// A store whose answers are compared with its promises.
pub(super) struct Handle<S>(Arc<S>);

impl<S: Store> Handle<S> {
    /// The store itself, to make futures that are never polled.
    pub(super) fn unpolled(&self) -> &S {
        &self.0
    }

    pub(super) async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, NotKept> {
        self.0.claim(claim).await.map_err(|error| failed("claim", &error))
    }

    pub(super) async fn renew(&self, claim: &Claim) -> Result<Renewal, NotKept> {
        self.0.renew(claim).await.map_err(|error| failed("renew", &error))
    }

    pub(super) async fn complete(&self, claim: &Claim) -> Result<Completion, NotKept> {
        self.0.complete(claim).await.map_err(|error| failed("complete", &error))
    }

    pub(super) async fn release(&self, claim: &Claim) -> Trial {
        self.0.release(claim).await.map_err(|error| failed("release", &error))
    }

    pub(super) async fn answers(&self, claim: &Claim, due: ClaimAnswer, promise: &str) -> Trial {
        let answer = self.claim(claim).await?;
        ensure(answer == due, || format!("{promise}: claim returned {answer:?}, not {due:?}"))
    }

    pub(super) async fn acquires(&self, claim: &Claim, promise: &str) -> Trial {
        self.answers(claim, ClaimAnswer::Acquired, promise).await
    }

    /// The delivery is in flight for another token, with some lease left and at most `most`.
    pub(super) async fn in_flight(&self, claim: &Claim, most: Duration, promise: &str) -> Trial {
        match self.claim(claim).await? {
            ClaimAnswer::InFlight { lease } => ensure(!lease.is_zero() && lease <= most, || {
                format!("{promise}: {lease:?} of the lease are left, not more than 0 to {most:?}")
            }),
            other => broken(format!("{promise}: claim returned {other:?}, not InFlight")),
        }
    }

    pub(super) async fn renews(&self, claim: &Claim, due: Renewal, promise: &str) -> Trial {
        let renewal = self.renew(claim).await?;
        ensure(renewal == due, || format!("{promise}: renew returned {renewal:?}, not {due:?}"))
    }

    pub(super) async fn completes(&self, claim: &Claim, due: Completion, promise: &str) -> Trial {
        let completion = self.complete(claim).await?;
        ensure(completion == due, || {
            format!("{promise}: complete returned {completion:?}, not {due:?}")
        })
    }
}

impl<S> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

pub(super) fn ensure(kept: bool, because: impl FnOnce() -> String) -> Trial {
    if kept { Ok(()) } else { broken(because()) }
}

pub(super) fn broken<T>(because: String) -> Result<T, NotKept> {
    Err(NotKept::Broken(because))
}

fn failed(operation: &str, error: &StoreError) -> NotKept {
    NotKept::Broken(format!("{operation} failed, so the promise was not tried: {error:?}"))
}

const ONE_PROCESS: &str = "the harness has no other process";

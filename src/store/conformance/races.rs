use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::Harness;
use super::scene::{Handle, LONG, Scene, again, at_once};
use crate::Store;
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};

const ROUNDS: usize = 60;
const TASKS: usize = 8;

/// Many attempts at one delivery, through all handles at once: one acquires it.
pub async fn one_of_many_claims_is_acquired<H: Harness>(harness: &H) {
    let (scene, _) = Scene::set(harness).await;
    let handles = scene.handles().await;
    for round in 0..ROUNDS {
        let delivery = scene.claim(&format!("{round}"), "body");
        let won = count(at_once(attempts(&handles, &[delivery])).await, Did::Won);
        assert!(won == 1, "one of {TASKS} claims at once is acquired, not {won}");
    }
}

/// The same signed bytes under two ids: one of all attempts runs, whichever id
/// came first.
pub async fn one_of_many_replays_is_acquired<H: Harness>(harness: &H) {
    let (scene, _) = Scene::set(harness).await;
    let handles = scene.handles().await;
    for round in 0..ROUNDS {
        let key = u8::try_from(round).unwrap_or(u8::MAX);
        let ids = [format!("{round} a"), format!("{round} b")];
        let both = ids.map(|id| scene.signed(&id, "body", &[key]));
        let won = count(at_once(attempts(&handles, &both)).await, Did::Won);
        assert!(won == 1, "one of {TASKS} claims under two ids is acquired, not {won}");
    }
}

/// A lease that lapsed is taken by one.
pub async fn one_of_many_takes_a_lapsed_lease<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await;
    for delivery in lapsed(&scene, &store).await {
        let won = count(at_once(attempts(&handles, &[delivery])).await, Did::Won);
        assert!(won == 1, "one of {TASKS} claims takes a lapsed lease, not {won}");
    }
}

/// A release that is sent twice gives the delivery up once: it never takes it
/// from the next owner.
pub async fn a_release_racing_with_claims_makes_one_owner<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await;
    for round in 0..ROUNDS {
        let held = scene.claim(&format!("{round}"), "body");
        store.acquires(&held, "what nobody has claimed can be claimed").await;
        let releases = vec![release(&handles[0], &held), release(&handles[1], &held)];
        let won = count(at_once(beside(releases, &handles, &held)).await, Did::Won);
        assert!(won == 1, "after a release one claim is acquired, not {won}");
        store.in_flight(&again(&held), LONG, "a release is for its owner only").await;
    }
}

/// A renewal that was under way when its owner released: it takes effect before,
/// or not at all.
pub async fn a_renewal_racing_with_a_release_brings_nothing_back<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await;
    for round in 0..ROUNDS {
        let held = scene.claim(&format!("{round}"), "body");
        store.acquires(&held, "what nobody has claimed can be claimed").await;
        let both = vec![renew(&handles[0], &held), release(&handles[1], &held)];
        let won = count(at_once(beside(both, &handles, &held)).await, Did::Won);
        assert!(won == 1, "after a release one claim is acquired, not {won}");
        let promise = "a renewal brings nothing back that was released";
        store.renews(&held, Renewal::Lost, promise).await;
    }
}

/// Between in flight and completed there is no moment at which a claim gets in.
pub async fn a_completion_racing_with_claims_lets_none_in<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await;
    for round in 0..ROUNDS {
        let held = scene.claim(&format!("{round}"), "body");
        store.acquires(&held, "what nobody has claimed can be claimed").await;
        let completions = vec![complete(&handles[0], &held), complete(&handles[1], &held)];
        let done = at_once(beside(completions, &handles, &held)).await;
        let recorded = count(done.iter().copied(), Did::Recorded);
        let won = count(done, Did::Won);
        assert!(recorded == 2, "the owner's completion is recorded, and again");
        assert!(won == 0, "no claim is acquired while the owner completes");
        let promise = "what is completed stays completed";
        store.answers(&again(&held), ClaimAnswer::Completed, promise).await;
    }
}

/// A former owner's completion and a new owner's claim: one of them is too late.
pub async fn a_late_completion_racing_with_claims_is_one_of_them<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let handles = scene.handles().await;
    for (round, late) in lapsed(&scene, &store).await.into_iter().enumerate() {
        let mut jobs = vec![complete(&handles[0], &late)];
        // At once with it, or right behind it.
        let behind = attempts(&handles, &[again(&late)]).into_iter();
        jobs.extend(behind.map(|attempt| after_turns(round % 4, attempt)));
        let done = at_once(jobs).await;
        let recorded = count(done.iter().copied(), Did::Recorded);
        let won = count(done, Did::Won);
        assert!(
            recorded + won == 1,
            "a late completion is recorded or the delivery is claimed, never both: \
             {recorded} recorded, {won} acquired"
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    Won,
    Recorded,
    Nothing,
}

type Job = Pin<Box<dyn Future<Output = Did> + Send>>;

fn count(done: impl IntoIterator<Item = Did>, what: Did) -> usize {
    done.into_iter().filter(|did| *did == what).count()
}

/// Attempts at these deliveries in turn, over the handles in turn.
fn attempts<S: Store>(handles: &[Handle<S>], deliveries: &[Claim]) -> Vec<Job> {
    let attempt = |task: usize| {
        // Shifted with every turn, so that each delivery is tried through each handle.
        let delivery = &deliveries[(task + task / handles.len()) % deliveries.len()];
        attempt(handles[task % handles.len()].clone(), again(delivery))
    };
    (0..TASKS).map(attempt).collect()
}

/// Claims the delivery, under the id that its bytes are bound to.
fn attempt<S: Store>(store: Handle<S>, mut claim: Claim) -> Job {
    Box::pin(async move {
        for _ in 0..3 {
            match store.claim(&claim).await {
                ClaimAnswer::Acquired => return Did::Won,
                ClaimAnswer::ReplayOf(first) => claim.id = first,
                ClaimAnswer::InFlight { .. } | ClaimAnswer::Completed => return Did::Nothing,
                ClaimAnswer::Conflict => panic!("claim answered Reused for the same body"),
            }
        }
        panic!("bindings lead round in a circle: claim answered BoundTo three times")
    })
}

/// These jobs, and attempts that go on until they are done and once more.
fn beside<S: Store>(jobs: Vec<Job>, handles: &[Handle<S>], delivery: &Claim) -> Vec<Job> {
    let pending = Arc::new(AtomicUsize::new(jobs.len()));
    let counted = |job: Job| -> Job {
        let pending = pending.clone();
        Box::pin(async move {
            let did = job.await;
            pending.fetch_sub(1, Ordering::SeqCst);
            did
        })
    };
    let goes_on = |task: usize| -> Job {
        let (store, claim) = (handles[task % handles.len()].clone(), again(delivery));
        let pending = pending.clone();
        Box::pin(async move {
            loop {
                let last = pending.load(Ordering::SeqCst) == 0;
                let did = attempt(store.clone(), claim.clone()).await;
                if last || did == Did::Won {
                    return did;
                }
                tokio::task::yield_now().await;
            }
        })
    };
    jobs.into_iter().map(counted).chain((0..TASKS).map(goes_on)).collect()
}

/// So many turns of the scheduler later.
fn after_turns(turns: usize, job: Job) -> Job {
    Box::pin(async move {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        job.await
    })
}

fn renew<S: Store>(store: &Handle<S>, claim: &Claim) -> Job {
    let (store, claim) = (store.clone(), claim.clone());
    Box::pin(async move {
        store.renew(&claim).await;
        Did::Nothing
    })
}

fn release<S: Store>(store: &Handle<S>, claim: &Claim) -> Job {
    let (store, claim) = (store.clone(), claim.clone());
    Box::pin(async move {
        store.release(&claim).await;
        Did::Nothing
    })
}

fn complete<S: Store>(store: &Handle<S>, claim: &Claim) -> Job {
    let (store, claim) = (store.clone(), claim.clone());
    Box::pin(async move {
        match store.complete(&claim).await {
            Completion::Recorded => Did::Recorded,
            Completion::HeldByAnother => Did::Nothing,
        }
    })
}

/// A delivery for each round, each with a lease that lapsed.
async fn lapsed<H: Harness>(scene: &Scene<'_, H>, store: &Handle<H::Store>) -> Vec<Claim> {
    let brief = Duration::from_millis(50);
    let mut deliveries = Vec::with_capacity(ROUNDS);
    for round in 0..ROUNDS {
        let delivery = scene.claim(&format!("{round}"), "body");
        let taken = Claim { lease: brief, ..delivery.clone() };
        store.acquires(&taken, "what nobody has claimed can be claimed").await;
        deliveries.push(delivery);
    }
    scene.outlast(brief).await;
    deliveries
}

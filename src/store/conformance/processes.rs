use super::Harness;
use super::scene::{Handle, LONG, SECOND, Scene, again};
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};

/// Every handle of one process is a handle on the same memory.
pub async fn handles_share_one_memory<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let another = scene.another_handle().await;
    see_each_other(&scene, &store, &another).await;
    see_each_other(&scene, &another, &store).await;
}

/// What one process claims, completes and releases, the others see.
pub async fn processes_share_one_memory<H: Harness>(harness: &H) {
    let (scene, here) = Scene::set(harness).await;
    let Some([there, elsewhere]) = scene.other_processes().await else { return };
    see_each_other(&scene, &here, &there).await;
    see_each_other(&scene, &there, &elsewhere).await;
    see_each_other(&scene, &elsewhere, &here).await;
}

async fn see_each_other<H: Harness>(
    scene: &Scene<'_, H>,
    here: &Handle<H::Store>,
    there: &Handle<H::Store>,
) {
    let id = format!("{:?}", scene.claim("d", "").token);
    let first = scene.claim(&id, "body");
    here.acquires(&first, "what nobody has claimed can be claimed").await;
    there.in_flight(&again(&first), LONG, "what one handle claimed, another sees").await;
    here.release(&first).await;
    let second = again(&first);
    there.acquires(&second, "what one handle released, another can claim").await;
    let held = Completion::HeldByAnother;
    here.completes(&first, held, "what one handle claimed, another sees").await;
    here.renews(&second, Renewal::Renewed, "a token holds its claim through any handle").await;
    there.completes(&second, Completion::Recorded, "the owner's completion is recorded").await;
    let promise = "what one handle completed, another sees";
    here.answers(&first, ClaimAnswer::Completed, promise).await;
}

/// All know the same body for the same, and another for another.
pub async fn processes_agree_on_bodies<H: Harness>(harness: &H) {
    let (scene, here) = Scene::set(harness).await;
    let Some(others) = scene.other_processes().await else { return };
    let first = scene.claim("d", "body");
    let promise = "processes agree on what body an id stands for";
    here.acquires(&first, "what nobody has claimed can be claimed").await;
    for there in &others {
        there.in_flight(&scene.claim("d", "body"), LONG, promise).await;
        there.answers(&scene.claim("d", "other"), ClaimAnswer::Conflict, promise).await;
    }
    here.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    for there in &others {
        there.answers(&scene.claim("d", "body"), ClaimAnswer::Completed, promise).await;
        there.answers(&scene.claim("d", "other"), ClaimAnswer::Conflict, promise).await;
    }
}

/// Signed bytes are known in all of them.
pub async fn processes_share_bindings<H: Harness>(harness: &H) {
    let (scene, here) = Scene::set(harness).await;
    let Some([there, elsewhere]) = scene.other_processes().await else { return };
    let handles = [here, there, elsewhere];
    for (key, first_seen) in (0..).zip(&handles) {
        let first = scene.signed(&format!("first {key}"), "body", &[key]);
        first_seen.acquires(&first, "what nobody has claimed can be claimed").await;
        for store in &handles {
            let replay = scene.signed("other", "body", &[key]);
            let due = ClaimAnswer::ReplayOf(first.id.clone());
            store.answers(&replay, due, "what one process bound, another sees").await;
        }
    }
}

/// A lease that holds, holds for a process whose clock is hours off; a lease
/// that lapsed has lapsed for all.
pub async fn leases_do_not_depend_on_a_clients_clock<H: Harness>(harness: &H) {
    let (scene, here) = Scene::set(harness).await;
    let Some([behind, ahead]) = scene.other_processes().await else { return };
    let handles = [here, behind, ahead];
    let promise = "a lease holds, whatever the clock of the client shows";
    for (claim, owner, other) in pairs(&scene, "held", &handles) {
        owner.acquires(&claim, "what nobody has claimed can be claimed").await;
        other.in_flight(&again(&claim), LONG, promise).await;
        owner.renews(&claim, Renewal::Renewed, promise).await;
        other.in_flight(&again(&claim), LONG, promise).await;
    }
    let lapsing = pairs(&scene, "lapsing", &handles);
    for (claim, owner, _) in &lapsing {
        let brief = Claim { lease: SECOND, ..claim.clone() };
        owner.acquires(&brief, "what nobody has claimed can be claimed").await;
    }
    scene.outlast(SECOND).await;
    let promise = "a lease lapses, whatever the clock of the client shows";
    for (claim, owner, other) in &lapsing {
        owner.renews(claim, Renewal::Lost, promise).await;
        other.acquires(&again(claim), promise).await;
    }
}

/// Nor do completions and bindings.
pub async fn memories_do_not_depend_on_a_clients_clock<H: Harness>(harness: &H) {
    let (scene, here) = Scene::set(harness).await;
    let Some([behind, ahead]) = scene.other_processes().await else { return };
    let handles = [here, behind, ahead];
    let promise = "what is remembered is, whatever the clock of the client shows";
    for (key, (mut claim, owner, other)) in (0..).zip(pairs(&scene, "kept", &handles)) {
        claim.replay_keys = scene.signed("d", "body", &[key]).replay_keys;
        owner.acquires(&claim, "what nobody has claimed can be claimed").await;
        owner.completes(&claim, Completion::Recorded, "the owner's completion is recorded").await;
        other.answers(&again(&claim), ClaimAnswer::Completed, promise).await;
        let replay = scene.signed("replay", "body", &[key]);
        other.answers(&replay, ClaimAnswer::ReplayOf(claim.id), promise).await;
    }
    let expiring = pairs(&scene, "expiring", &handles);
    for (claim, owner, _) in &expiring {
        let brief = Claim { retention: SECOND, ..claim.clone() };
        owner.completes(&brief, Completion::Recorded, "it is recorded without a record").await;
    }
    scene.outlast(SECOND).await;
    let promise = "what expired has, whatever the clock of the client shows";
    for (claim, _, other) in &expiring {
        other.acquires(&again(claim), promise).await;
    }
}

type Pair<'a, S> = (Claim, &'a Handle<S>, &'a Handle<S>);

/// A claim for each owner and each other handle.
fn pairs<'a, H: Harness>(
    scene: &Scene<'_, H>,
    name: &str,
    handles: &'a [Handle<H::Store>],
) -> Vec<Pair<'a, H::Store>> {
    let indices = 0..handles.len();
    let both = indices.clone().flat_map(|owner| indices.clone().map(move |other| (owner, other)));
    both.filter(|(owner, other)| owner != other)
        .map(|(owner, other)| {
            let claim = scene.claim(&format!("{name} {owner} {other}"), "body");
            (claim, &handles[owner], &handles[other])
        })
        .collect()
}

use super::scene::{Handle, LONG, SECOND, Scene, again};
use super::{Harness, Trial};
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};

/// All handles of one process are on the same records.
pub async fn handles_share_their_records<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let another = scene.another_handle().await;
    see_each_other(&scene, &store, &another).await?;
    see_each_other(&scene, &another, &store).await?;
    Ok(())
}

/// The other processes see each claim, completion and release of one process.
pub async fn processes_share_their_records<H: Harness>(harness: &H) -> Trial {
    let (scene, here) = Scene::set(harness).await;
    let [there, elsewhere] = scene.other_processes().await?;
    see_each_other(&scene, &here, &there).await?;
    see_each_other(&scene, &there, &elsewhere).await?;
    see_each_other(&scene, &elsewhere, &here).await?;
    Ok(())
}

async fn see_each_other<H: Harness>(
    scene: &Scene<'_, H>,
    here: &Handle<H::Store>,
    there: &Handle<H::Store>,
) -> Trial {
    let id = format!("{:?}", scene.claim("d", "").token);
    let first = scene.claim(&id, "body");
    here.acquires(&first, "a delivery without a record can be claimed").await?;
    there.in_flight(&again(&first), LONG, "one handle sees the claims of another").await?;
    here.release(&first).await?;
    let second = again(&first);
    there.acquires(&second, "one handle can claim a delivery that another released").await?;
    let held = Completion::HeldByAnother;
    here.completes(&first, held, "one handle sees the claims of another").await?;
    here.renews(&second, Renewal::Renewed, "a token holds its claim through any handle").await?;
    there.completes(&second, Completion::Recorded, "the owner's completion is recorded").await?;
    let promise = "one handle sees the completions of another";
    here.answers(&first, ClaimAnswer::Completed, promise).await
}

/// All processes agree on whether two bodies are the same.
pub async fn processes_agree_on_bodies<H: Harness>(harness: &H) -> Trial {
    let (scene, here) = Scene::set(harness).await;
    let others = scene.other_processes().await?;
    let first = scene.claim("d", "body");
    let promise = "processes agree on the body that an id belongs to";
    here.acquires(&first, "a delivery without a record can be claimed").await?;
    for there in &others {
        there.in_flight(&scene.claim("d", "body"), LONG, promise).await?;
        there.answers(&scene.claim("d", "other"), ClaimAnswer::Conflict, promise).await?;
    }
    here.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    for there in &others {
        there.answers(&scene.claim("d", "body"), ClaimAnswer::Completed, promise).await?;
        there.answers(&scene.claim("d", "other"), ClaimAnswer::Conflict, promise).await?;
    }
    Ok(())
}

/// A replay is recognised in all processes.
pub async fn processes_share_replay_records<H: Harness>(harness: &H) -> Trial {
    let (scene, here) = Scene::set(harness).await;
    let [there, elsewhere] = scene.other_processes().await?;
    let handles = [here, there, elsewhere];
    for (key, first_seen) in (0..).zip(&handles) {
        let first = scene.signed(&format!("first {key}"), "body", &[key]);
        first_seen.acquires(&first, "a delivery without a record can be claimed").await?;
        for store in &handles {
            let replay = scene.signed("other", "body", &[key]);
            let due = ClaimAnswer::ReplayOf(first.id.clone());
            store.answers(&replay, due, "one process sees the replay records of another").await?;
        }
    }
    Ok(())
}

/// A lease holds also for a process whose clock is hours wrong, and expires for all at once.
pub async fn leases_do_not_depend_on_a_clients_clock<H: Harness>(harness: &H) -> Trial {
    let (scene, here) = Scene::set(harness).await;
    let [behind, ahead] = scene.other_processes().await?;
    let handles = [here, behind, ahead];
    let promise = "a lease holds, whatever the clock of the client shows";
    for (claim, owner, other) in pairs(&scene, "held", &handles) {
        owner.acquires(&claim, "a delivery without a record can be claimed").await?;
        other.in_flight(&again(&claim), LONG, promise).await?;
        owner.renews(&claim, Renewal::Renewed, promise).await?;
        other.in_flight(&again(&claim), LONG, promise).await?;
    }
    let expiring = pairs(&scene, "expiring", &handles);
    for (claim, owner, _) in &expiring {
        let brief = Claim { lease: SECOND, ..claim.clone() };
        owner.acquires(&brief, "a delivery without a record can be claimed").await?;
    }
    scene.outlast(SECOND).await;
    let promise = "a lease expires, whatever the clock of the client shows";
    for (claim, owner, other) in &expiring {
        owner.renews(claim, Renewal::Lost, promise).await?;
        other.acquires(&again(claim), promise).await?;
    }
    Ok(())
}

/// Completions and replay records are kept, and expire, whatever the clock of a client shows.
pub async fn retention_does_not_depend_on_a_clients_clock<H: Harness>(harness: &H) -> Trial {
    let (scene, here) = Scene::set(harness).await;
    let [behind, ahead] = scene.other_processes().await?;
    let handles = [here, behind, ahead];
    let promise = "a record is kept, whatever the clock of the client shows";
    for (key, (mut claim, owner, other)) in (0..).zip(pairs(&scene, "kept", &handles)) {
        claim.replay_keys = scene.signed("d", "body", &[key]).replay_keys;
        owner.acquires(&claim, "a delivery without a record can be claimed").await?;
        owner.completes(&claim, Completion::Recorded, "the owner's completion is recorded").await?;
        other.answers(&again(&claim), ClaimAnswer::Completed, promise).await?;
        let replay = scene.signed("replay", "body", &[key]);
        other.answers(&replay, ClaimAnswer::ReplayOf(claim.id), promise).await?;
    }
    let expiring = pairs(&scene, "expiring", &handles);
    for (claim, owner, _) in &expiring {
        let brief = Claim { retention: SECOND, ..claim.clone() };
        owner
            .completes(
                &brief,
                Completion::Recorded,
                "a completion is recorded where there is no record",
            )
            .await?;
    }
    scene.outlast(SECOND).await;
    let promise = "a completion expires, whatever the clock of the client shows";
    for (claim, _, other) in &expiring {
        other.acquires(&again(claim), promise).await?;
    }
    Ok(())
}

type Pair<'a, S> = (Claim, &'a Handle<S>, &'a Handle<S>);

/// Each owner with each other handle, and a claim for the two.
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

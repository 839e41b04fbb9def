//! Expired rows that have not been deleted: right after a lease, a retention or a replay window
//! has passed, most stores still have the row.

use super::scene::{Handle, LONG, SECOND, Scene, again};
use super::{Harness, NotKept, Trial};
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};

/// Each operation by another token treats a record whose lease has expired as no record.
pub async fn an_expired_lease_counts_as_no_record<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let [claimed, renewed, completed, released] = expired_leases(&scene, &store).await?;
    let other_body = scene.claim(claimed.id.as_str(), "other");
    store.acquires(&other_body, "a claim takes over an expired lease, with any body").await?;
    let promise = "an id belongs to the body of the claim that took it over";
    store.answers(&again(&claimed), ClaimAnswer::Conflict, promise).await?;

    let promise = "no token can renew an expired lease";
    store.renews(&again(&renewed), Renewal::Lost, promise).await?;
    store.acquires(&again(&renewed), "a renewal does not revive an expired lease").await?;

    let other_body = scene.claim(completed.id.as_str(), "other");
    completes_anew(&store, &other_body, "a completion replaces an expired lease").await?;
    let promise = "an id belongs to the body of its completion";
    store.answers(&again(&completed), ClaimAnswer::Conflict, promise).await?;

    store.release(&again(&released)).await?;
    store.acquires(&again(&released), "a release leaves an expired lease expired").await
}

/// The token that once held an expired lease has no more rights to the record than any other.
pub async fn a_former_owner_is_a_stranger_to_its_expired_lease<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let [claimed, renewed, completed, released] = expired_leases(&scene, &store).await?;
    let mut other_body = scene.claim(claimed.id.as_str(), "other");
    other_body.token = claimed.token;
    let promise = "a former owner takes over its expired lease, with any body";
    store.acquires(&other_body, promise).await?;
    store.in_flight(&again(&other_body), LONG, "its new lease starts at the claim").await?;

    store.renews(&renewed, Renewal::Lost, "a former owner cannot renew its expired lease").await?;
    store.acquires(&again(&renewed), "a renewal does not revive an expired lease").await?;

    completes_anew(&store, &completed, "a former owner completes its expired lease").await?;

    store.release(&released).await?;
    store.acquires(&again(&released), "a release leaves an expired lease expired").await?;
    store.release(&released).await?;
    let promise = "a former owner cannot release what another has claimed since";
    store.in_flight(&again(&released), LONG, promise).await
}

/// Each operation treats a completion whose retention has passed as no record.
pub async fn an_expired_completion_counts_as_no_record<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let [claimed, renewed, completed, released] = claims(&scene);
    for claim in [&claimed, &renewed, &completed, &released] {
        let brief = Claim { retention: SECOND, ..claim.clone() };
        let promise = "a completion is recorded where there is no record";
        store.completes(&brief, Completion::Recorded, promise).await?;
    }
    scene.outlast(SECOND).await;
    let other_body = scene.claim(claimed.id.as_str(), "other");
    store.acquires(&other_body, "a claim takes over an expired completion, with any body").await?;

    store.renews(&renewed, Renewal::Lost, "an expired completion cannot be renewed").await?;
    store.acquires(&again(&renewed), "a renewal does not revive an expired completion").await?;

    let other_body = scene.claim(completed.id.as_str(), "other");
    completes_anew(&store, &other_body, "a completion replaces an expired one").await?;
    let promise = "an id belongs to the body of its latest completion";
    store.answers(&again(&completed), ClaimAnswer::Conflict, promise).await?;

    store.release(&released).await?;
    store.acquires(&again(&released), "a release leaves an expired completion expired").await
}

/// A claim treats a replay record whose window has passed as none, and takes its place.
pub async fn an_expired_replay_record_counts_as_none<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.signed("first", "body", &[1]);
    first.replay_window = SECOND;
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    scene.outlast(SECOND).await;
    let second = scene.signed("second", "body", &[1]);
    store.acquires(&second, "an expired replay record leads to no other id").await?;
    let promise = "a claim replaces an expired replay record";
    let due = ClaimAnswer::ReplayOf(second.id.clone());
    store.answers(&scene.signed("third", "body", &[1]), due, promise).await
}

/// Completes, and checks that the completion's retention starts now.
async fn completes_anew<S: crate::Store>(store: &Handle<S>, claim: &Claim, promise: &str) -> Trial {
    store.completes(claim, Completion::Recorded, promise).await?;
    store.answers(&again(claim), ClaimAnswer::Completed, promise).await
}

/// Records in flight whose leases have expired, one for each operation.
async fn expired_leases<H: Harness>(
    scene: &Scene<'_, H>,
    store: &Handle<H::Store>,
) -> Result<[Claim; 4], NotKept> {
    let claims = claims(scene);
    for claim in &claims {
        let brief = Claim { lease: SECOND, ..claim.clone() };
        store.acquires(&brief, "a delivery without a record can be claimed").await?;
    }
    scene.outlast(SECOND).await;
    Ok(claims)
}

fn claims<H: Harness>(scene: &Scene<'_, H>) -> [Claim; 4] {
    ["claimed", "renewed", "completed", "released"].map(|id| scene.claim(id, "body"))
}

use super::scene::{LONG, SECOND, Scene, again};
use super::{Harness, Trial};
use crate::store::{ClaimAnswer, Completion, Renewal};

/// An id that is in flight or completed with one body cannot be claimed with another, not even
/// by the owner's token.
pub async fn an_id_belongs_to_one_body<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let other = scene.claim("d", "other");
    let mut owners = other.clone();
    owners.token = first.token;
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    let promise = "an id in flight belongs to one body";
    store.answers(&other, ClaimAnswer::Conflict, promise).await?;
    store.answers(&owners, ClaimAnswer::Conflict, promise).await?;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    let promise = "a completed id belongs to one body";
    store.answers(&other, ClaimAnswer::Conflict, promise).await?;
    store.answers(&owners, ClaimAnswer::Conflict, promise).await?;
    store.answers(&again(&first), ClaimAnswer::Completed, "a conflict changes nothing").await?;
    Ok(())
}

/// After a conflict, the record has the same owner, the same body and the same lease.
pub async fn a_conflict_changes_nothing<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let mut other = scene.claim("d", "other");
    other.lease = 10 * LONG;
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.answers(&other, ClaimAnswer::Conflict, "an id in flight belongs to one body").await?;
    store.in_flight(&again(&first), LONG, "a conflict changes nothing").await?;
    store.renews(&first, Renewal::Renewed, "a conflict changes nothing").await?;
    store.completes(&first, Completion::Recorded, "a conflict changes nothing").await?;
    Ok(())
}

/// Once the record was released or has expired, the id can be claimed with any body.
pub async fn an_id_is_free_once_its_record_is_gone<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let released = scene.claim("released", "body");
    store.acquires(&released, "a delivery without a record can be claimed").await?;
    store.release(&released).await?;
    store.acquires(&scene.claim("released", "other"), "a released id is free").await?;

    let mut leased = scene.claim("leased", "body");
    let mut completed = scene.claim("completed", "body");
    (leased.lease, completed.retention) = (SECOND, SECOND);
    store.acquires(&leased, "a delivery without a record can be claimed").await?;
    store
        .completes(
            &completed,
            Completion::Recorded,
            "a completion is recorded where there is no record",
        )
        .await?;
    scene.outlast(SECOND).await;
    let promise = "an id whose lease expired is free";
    store.acquires(&scene.claim("leased", "other"), promise).await?;
    let promise = "an id whose completion expired is free";
    store.acquires(&scene.claim("completed", "other"), promise).await?;
    Ok(())
}

/// After a release, the id belongs to the body of the next claim.
pub async fn an_id_belongs_to_the_body_of_its_latest_owner<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let second = scene.claim("d", "other");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.release(&first).await?;
    store.acquires(&second, "a released id is free").await?;
    let promise = "an id belongs to the body of its latest owner";
    store.answers(&again(&first), ClaimAnswer::Conflict, promise).await?;
    store.in_flight(&again(&second), LONG, promise).await?;
    store.completes(&second, Completion::Recorded, "the owner's completion is recorded").await?;
    store.answers(&again(&first), ClaimAnswer::Conflict, promise).await?;
    store.answers(&again(&second), ClaimAnswer::Completed, promise).await?;
    Ok(())
}

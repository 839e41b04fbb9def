use super::Harness;
use super::scene::{LONG, SECOND, Scene, again};
use crate::store::{ClaimAnswer, Completion, Renewal};

/// An id that is in flight or completed with one body is refused with another,
/// its owner's token too.
pub async fn an_id_stands_for_one_body<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let other = scene.claim("d", "other");
    let mut owners = other.clone();
    owners.token = first.token;
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    let promise = "an id in flight stands for one body";
    store.answers(&other, ClaimAnswer::Conflict, promise).await;
    store.answers(&owners, ClaimAnswer::Conflict, promise).await;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    let promise = "a completed id stands for one body";
    store.answers(&other, ClaimAnswer::Conflict, promise).await;
    store.answers(&owners, ClaimAnswer::Conflict, promise).await;
    store.answers(&again(&first), ClaimAnswer::Completed, "reuse changes nothing").await;
}

/// The record keeps its owner, its body and its lease.
pub async fn reuse_changes_nothing<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let mut other = scene.claim("d", "other");
    other.lease = 10 * LONG;
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.answers(&other, ClaimAnswer::Conflict, "an id in flight stands for one body").await;
    store.in_flight(&again(&first), LONG, "reuse changes nothing").await;
    store.renews(&first, Renewal::Renewed, "reuse changes nothing").await;
    store.completes(&first, Completion::Recorded, "reuse changes nothing").await;
}

/// Once the record is gone, released, lapsed or expired, the id is free.
pub async fn an_id_is_free_once_its_record_is_gone<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let released = scene.claim("released", "body");
    store.acquires(&released, "what nobody has claimed can be claimed").await;
    store.release(&released).await;
    store.acquires(&scene.claim("released", "other"), "a released id is free").await;

    let mut lapsed = scene.claim("lapsed", "body");
    let mut expired = scene.claim("expired", "body");
    (lapsed.lease, expired.retention) = (SECOND, SECOND);
    store.acquires(&lapsed, "what nobody has claimed can be claimed").await;
    store.completes(&expired, Completion::Recorded, "it is recorded without a record").await;
    scene.outlast(SECOND).await;
    store.acquires(&scene.claim("lapsed", "other"), "an id whose lease lapsed is free").await;
    store.acquires(&scene.claim("expired", "other"), "an expired id is free").await;
}

/// The body that a claim after a release brought is what the id stands for.
pub async fn an_id_stands_for_its_latest_owners_body<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let second = scene.claim("d", "other");
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.release(&first).await;
    store.acquires(&second, "a released id is free").await;
    let promise = "an id stands for the body of its latest owner";
    store.answers(&again(&first), ClaimAnswer::Conflict, promise).await;
    store.in_flight(&again(&second), LONG, promise).await;
    store.completes(&second, Completion::Recorded, "the owner's completion is recorded").await;
    store.answers(&again(&first), ClaimAnswer::Conflict, promise).await;
    store.answers(&again(&second), ClaimAnswer::Completed, promise).await;
}

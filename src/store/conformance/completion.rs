use std::time::Duration;

use super::Harness;
use super::scene::{LONG, SECOND, Scene, again};
use crate::store::{ClaimAnswer, Completion, Renewal};

/// What its owner completed is completed for every token, its own too.
pub async fn a_completed_delivery_is_not_claimed_again<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    let promise = "what is completed stays completed";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
    store.answers(&first, ClaimAnswer::Completed, "a claim never reopens what is completed").await;
    store.renews(&first, Renewal::Lost, "what is completed is held by no token").await;
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
}

/// Neither its owner nor anybody else reopens what is completed by a release.
pub async fn a_release_never_reopens_what_is_completed<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    for releases in [&first, &again(&first)] {
        store.release(releases).await;
        let promise = "a release never reopens what is completed";
        store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
    }
}

/// The store may have lost the record, or forgotten it: what was handled is
/// recorded nevertheless.
pub async fn a_completion_is_recorded_without_a_record<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let promise = "a completion is recorded where there is no record";
    store.completes(&first, Completion::Recorded, promise).await;
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
}

/// A lapsed lease counts as no record: who lost it can still say that the work
/// is done, and so can another.
pub async fn a_completion_is_recorded_after_the_lease<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let (mut first, mut second) = (scene.claim("1", "body"), scene.claim("2", "body"));
    (first.lease, second.lease) = (SECOND, SECOND);
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.acquires(&second, "what nobody has claimed can be claimed").await;
    scene.outlast(SECOND).await;
    let promise = "a completion is recorded where the lease lapsed and nobody took it";
    for completes in [&first, &again(&second)] {
        store.completes(completes, Completion::Recorded, promise).await;
        store.answers(&again(completes), ClaimAnswer::Completed, promise).await;
    }
}

/// While one token holds the record, another's completion changes nothing.
pub async fn only_the_owner_completes_what_is_in_flight<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    let promise = "a completion changes nothing while another token holds the record";
    store.completes(&again(&first), Completion::HeldByAnother, promise).await;
    store.in_flight(&again(&first), LONG, promise).await;
    store.renews(&first, Renewal::Renewed, promise).await;
}

/// A completion whose answer was lost is sent again, and two may have done the
/// work: the delivery stands as completed.
pub async fn completing_twice_changes_nothing<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    let promise = "what is completed can be completed again";
    for completes in [&first, &first, &again(&first)] {
        store.completes(completes, Completion::Recorded, promise).await;
        store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
    }
}

/// The retention runs from the first completion.
pub async fn a_completion_does_not_prolong_another<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.retention = 2 * SECOND;
    store.completes(&first, Completion::Recorded, "it is recorded without a record").await;
    scene.pass(Duration::from_millis(1200)).await;
    let promise = "what is completed can be completed again";
    store.completes(&again(&first), Completion::Recorded, promise).await;
    scene.pass(Duration::from_millis(1200)).await;
    store.acquires(&again(&first), "a completion does not prolong another").await;
}

/// A completion is remembered as long as was asked, whatever the lease was.
pub async fn a_completion_outlives_its_lease<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    (first.lease, first.retention) = (2 * SECOND, LONG);
    store.acquires(&first, "what nobody has claimed can be claimed").await;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await;
    scene.outlast(first.lease).await;
    let promise = "a completion is remembered for its retention, not for its lease";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
}

/// Neither less nor more.
pub async fn a_completion_is_remembered_for_its_retention<H: Harness>(harness: &H) {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.retention = Duration::from_millis(2900);
    store.completes(&first, Completion::Recorded, "it is recorded without a record").await;
    scene.pass(Duration::from_millis(2100)).await;
    let promise = "a completion is remembered for its retention";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await;
    scene.outlast(Duration::from_millis(800)).await;
    store.acquires(&again(&first), "a completion is forgotten after its retention").await;
}

use std::time::Duration;

use super::scene::{LONG, SECOND, Scene, again};
use super::{Harness, Trial};
use crate::store::{ClaimAnswer, Completion, Renewal};

/// A delivery that its owner completed cannot be claimed, not even by the owner's token.
pub async fn a_completed_delivery_is_not_claimed_again<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    let promise = "a completed delivery stays completed";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    store
        .answers(&first, ClaimAnswer::Completed, "a claim never reopens a completed delivery")
        .await?;
    store.renews(&first, Renewal::Lost, "no token holds a completed delivery").await?;
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    Ok(())
}

/// A release does not reopen a completed delivery, whether the owner or another token sends it.
pub async fn a_release_never_reopens_what_is_completed<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    for releases in [&first, &again(&first)] {
        store.release(releases).await?;
        let promise = "a release never reopens a completed delivery";
        store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    }
    Ok(())
}

/// The store may have lost or evicted the record. The completion is recorded all the same.
pub async fn a_completion_is_recorded_without_a_record<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    let promise = "a completion is recorded where there is no record";
    store.completes(&first, Completion::Recorded, promise).await?;
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    Ok(())
}

/// After its lease has expired, the former owner can still complete the delivery, and so can
/// any other token.
pub async fn a_completion_is_recorded_after_the_lease<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let (mut first, mut second) = (scene.claim("1", "body"), scene.claim("2", "body"));
    (first.lease, second.lease) = (SECOND, SECOND);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.acquires(&second, "a delivery without a record can be claimed").await?;
    scene.outlast(SECOND).await;
    let promise = "a completion is recorded where the lease expired and nobody took it";
    for completes in [&first, &again(&second)] {
        store.completes(completes, Completion::Recorded, promise).await?;
        store.answers(&again(completes), ClaimAnswer::Completed, promise).await?;
    }
    Ok(())
}

/// While one token holds the record, another token's completion changes nothing.
pub async fn only_the_owner_completes_what_is_in_flight<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    let promise = "a completion changes nothing while another token holds the record";
    store.completes(&again(&first), Completion::HeldByAnother, promise).await?;
    store.in_flight(&again(&first), LONG, promise).await?;
    store.renews(&first, Renewal::Renewed, promise).await?;
    Ok(())
}

/// A completion whose answer was lost can be sent again, and two owners may both have handled
/// the delivery. It stays completed.
pub async fn completing_twice_changes_nothing<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let first = scene.claim("d", "body");
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    let promise = "a completed delivery can be completed again";
    for completes in [&first, &first, &again(&first)] {
        store.completes(completes, Completion::Recorded, promise).await?;
        store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    }
    Ok(())
}

/// The retention starts at the first completion.
pub async fn a_completion_does_not_extend_another<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.retention = 2 * SECOND;
    store
        .completes(
            &first,
            Completion::Recorded,
            "a completion is recorded where there is no record",
        )
        .await?;
    scene.pass(Duration::from_millis(1200)).await;
    let promise = "a completed delivery can be completed again";
    store.completes(&again(&first), Completion::Recorded, promise).await?;
    scene.pass(Duration::from_millis(1200)).await;
    store.acquires(&again(&first), "a completion does not extend the retention of another").await?;
    Ok(())
}

/// A completion is kept for its retention, however short the lease was.
pub async fn a_completion_outlives_its_lease<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    (first.lease, first.retention) = (2 * SECOND, LONG);
    store.acquires(&first, "a delivery without a record can be claimed").await?;
    store.completes(&first, Completion::Recorded, "the owner's completion is recorded").await?;
    scene.outlast(first.lease).await;
    let promise = "a completion is kept for its retention, not for its lease";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    Ok(())
}

/// A completion is kept for its retention, neither less nor more.
pub async fn a_completion_is_kept_for_its_retention<H: Harness>(harness: &H) -> Trial {
    let (scene, store) = Scene::set(harness).await;
    let mut first = scene.claim("d", "body");
    first.retention = Duration::from_millis(2900);
    store
        .completes(
            &first,
            Completion::Recorded,
            "a completion is recorded where there is no record",
        )
        .await?;
    scene.pass(Duration::from_millis(2100)).await;
    let promise = "a completion is kept for its retention";
    store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    scene.outlast(Duration::from_millis(800)).await;
    store.acquires(&again(&first), "a completion expires after its retention").await?;
    Ok(())
}

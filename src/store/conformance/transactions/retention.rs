use std::time::Duration;

use super::TransactionHarness;
use super::stage::{CLAIMABLE, Stage};
use crate::store::conformance::Trial;
use crate::store::conformance::scene::{LONG, SECOND, again};
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};

const COMMITS: &str = "the owner commits its completion";

/// A commit is kept for the claim's retention, neither less nor more, from the transaction's
/// statement on.
pub async fn a_commit_is_kept_for_its_retention<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let mut first = stage.scene.claim("d", "body");
    first.retention = Duration::from_millis(2900);
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.scene.pass(Duration::from_millis(1200)).await;
    stage.commits(&first, COMMITS).await?;
    stage.scene.pass(Duration::from_millis(2100)).await;
    let promise = "a commit is kept for its retention, from the statement on";
    stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    stage.scene.outlast(Duration::from_millis(800)).await;
    stage.store.acquires(&again(&first), "a commit expires after its retention").await
}

/// A commit is kept for its retention, however short the lease was, and whether the statement came
/// before the lease expired or after.
pub async fn a_commit_outlives_its_lease<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let [early, late] = ["1", "2"].map(|id| stage.scene.claim(id, "body"));
    let early = Claim { lease: 2 * SECOND, ..early };
    let late = Claim { lease: SECOND, ..late };
    stage.store.acquires(&late, CLAIMABLE).await?;
    stage.scene.outlast(SECOND).await;
    stage.commits(&late, "the owner commits after its lease if nobody took the delivery").await?;
    stage.store.acquires(&early, CLAIMABLE).await?;
    stage.commits(&early, COMMITS).await?;
    stage.scene.outlast(early.lease).await;
    let promise = "a commit is kept for its retention, not for its lease";
    for committed in [&early, &late] {
        stage.store.answers(&again(committed), ClaimAnswer::Completed, promise).await?;
    }
    Ok(())
}

/// A commit whose retention has passed counts as no record: its former owner, too, has lost it, and
/// a new attempt can claim and commit the delivery.
pub async fn an_expired_commit_counts_as_no_record<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    let brief = Claim { retention: SECOND, ..first.clone() };
    stage.store.acquires(&brief, CLAIMABLE).await?;
    stage.commits(&brief, COMMITS).await?;
    stage.scene.outlast(SECOND).await;
    let promise = "an expired commit counts as no record";
    stage.loses(&brief, promise).await?;
    stage.loses(&again(&brief), promise).await?;
    let other_body = stage.scene.claim("d", "other");
    stage.store.acquires(&other_body, promise).await?;
    stage.store.in_flight(&again(&other_body), LONG, promise).await
}

/// A committed delivery is neither released nor renewed, and nobody takes it over.
pub async fn a_committed_delivery_is_never_reopened<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = Claim { lease: SECOND, ..stage.scene.claim("d", "body") };
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.commits(&first, COMMITS).await?;
    let promise = "a committed delivery is never reopened";
    for token in [&first, &again(&first)] {
        stage.store.release(token).await?;
        stage.store.answers(token, ClaimAnswer::Completed, promise).await?;
        stage.store.renews(token, Renewal::Lost, promise).await?;
        stage.store.answers(token, ClaimAnswer::Completed, promise).await?;
    }
    stage.scene.outlast(SECOND).await;
    for token in [&first, &again(&first)] {
        stage.store.release(token).await?;
        stage.store.answers(token, ClaimAnswer::Completed, promise).await?;
    }
    Ok(())
}

/// A plain completion after the commit is recorded, and leaves the commit's retention as it is.
pub async fn a_completion_does_not_extend_a_commit<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = Claim { retention: 2 * SECOND, ..stage.scene.claim("d", "body") };
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.commits(&first, COMMITS).await?;
    stage.scene.pass(Duration::from_millis(1200)).await;
    let promise = "a committed delivery can be completed again";
    for token in [&first, &again(&first)] {
        stage.store.completes(token, Completion::Recorded, promise).await?;
        stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
    }
    stage.scene.pass(Duration::from_millis(1200)).await;
    stage.store.acquires(&again(&first), "a completion does not extend a commit").await
}

//! The answers that other attempts get while a completion is not committed yet.

use std::time::Duration;

use super::TransactionHarness;
use super::stage::{AT_ONCE, CLAIMABLE, Stage};
use crate::Store;
use crate::store::conformance::Trial;
use crate::store::conformance::scene::{LONG, SECOND, again, ensure};
use crate::store::{Claim, ClaimAnswer, Renewal};

/// While a completion is not committed, the delivery is in flight. Another claim is told so at
/// once, because its sender waits. Only the commit decides.
pub async fn a_claim_does_not_wait_for_a_commit<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    // With replay keys, which the claim of a repeat records.
    let first = stage.scene.signed("d", "body", &[1, 2]);
    stage.store.acquires(&first, CLAIMABLE).await?;
    let promise = "a claim is told at once that a delivery is in flight until its commit";
    let look = async || stage.in_flight_at_once(&again(&first), promise).await;
    stage.while_open(&first, false, look).await?;
    stage.store.in_flight(&again(&first), LONG, "a rollback leaves the claim as it was").await?;
    let look = async || stage.in_flight_at_once(&again(&first), promise).await;
    stage.while_open(&first, true, look).await?;
    let promise = "a committed completion completes the delivery";
    stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await
}

/// An open transaction has the delivery, also if the lease has expired meanwhile: another attempt
/// would have the same effect.
pub async fn an_open_transaction_holds_its_delivery_beyond_the_lease<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = Claim { lease: 2 * SECOND, ..stage.scene.claim("d", "body") };
    stage.store.acquires(&first, CLAIMABLE).await?;
    let promise = "an open transaction holds its delivery beyond the lease";
    let look = async || {
        stage.scene.outlast(first.lease).await;
        for _ in 0..3 {
            stage.in_flight_at_once(&again(&first), promise).await?;
        }
        Ok(())
    };
    stage.while_open(&first, true, look).await?;
    let promise = "a committed completion completes the delivery";
    stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await
}

/// The layer goes on renewing while the handler commits. It must not be told that the lease is
/// lost, because it would give the handler up.
pub async fn a_renewal_keeps_the_lease_of_an_open_transaction<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    let promise = "a renewal does not lose the lease of an open transaction";
    for commits in [false, true] {
        let look = async || {
            let renewal = stage.at_once(stage.store.unpolled().renew(&first), promise).await?;
            ensure(renewal != Some(Renewal::Lost), || format!("{promise}: renew returned Lost"))
        };
        stage.while_open(&first, commits, look).await?;
    }
    let promise = "a committed completion completes the delivery";
    stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await
}

/// A release that comes while the transaction is open is too late, even if it has waited for the
/// commit: the layer may give up on a handler that is just committing.
pub async fn a_release_during_a_commit_reopens_nothing<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    let mut waiting = None;
    let look = async || {
        let (store, claim) = (stage.store.clone(), first.clone());
        waiting = Some(tokio::spawn(async move { store.release(&claim).await }));
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(())
    };
    stage.while_open(&first, true, look).await?;
    if let Some(release) = waiting {
        // Whether it failed, for example because it has waited too long, does not matter.
        let _ = tokio::time::timeout(AT_ONCE, release).await;
    }
    let promise = "a release during a commit reopens nothing";
    stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await
}

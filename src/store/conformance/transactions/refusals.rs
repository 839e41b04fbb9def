//! Completions that must be refused. In each case the suite tries to commit the effect all the same.

use super::TransactionHarness;
use super::stage::{CLAIMABLE, Stage};
use crate::store::conformance::scene::{LONG, SECOND, again, ensure};
use crate::store::conformance::{NotKept, Trial};
use crate::store::{Claim, ClaimAnswer, Completion, Renewal};
use crate::transaction::CompleteError;

/// After a release the sender's retry runs the handler again, so the effect must not happen now.
pub async fn a_claim_that_was_released_cannot_commit<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.store.release(&first).await?;
    stage.loses(&first, "a claim that was released cannot commit").await?;
    let second = again(&first);
    stage.store.acquires(&second, "a refused completion records nothing").await?;
    stage.loses(&first, "a claim that was released cannot commit, also if another has it").await?;
    stage.commits(&second, "the owner commits its completion").await
}

/// Once another attempt has taken the delivery over, the effect is that attempt's.
pub async fn a_claim_that_was_taken_over_cannot_commit<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let (first, second) = taken_over(&stage).await?;
    let promise = "a claim that was taken over cannot commit";
    stage.loses(&first, promise).await?;
    stage.store.in_flight(&again(&first), LONG, promise).await?;
    stage.commits(&second, "the new owner commits its completion").await
}

/// The record may have been lost or evicted. Unlike a completion after the effect, one before it
/// is refused: another attempt may be at work.
pub async fn nothing_is_committed_without_a_record<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.loses(&first, "a delivery without a record cannot be committed").await?;
    stage.store.acquires(&again(&first), "a refused completion records nothing").await
}

/// A token that does not hold the record commits nothing, neither during the lease nor after it.
pub async fn only_the_owner_commits<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let (held, mut late) = (stage.scene.claim("1", "body"), stage.scene.claim("2", "body"));
    late.lease = SECOND;
    stage.store.acquires(&held, CLAIMABLE).await?;
    stage.store.acquires(&late, CLAIMABLE).await?;
    stage.loses(&again(&held), "only the owner commits").await?;
    stage.store.in_flight(&again(&held), LONG, "a refused completion changes nothing").await?;
    stage.store.renews(&held, Renewal::Renewed, "a refused completion changes nothing").await?;
    stage.scene.outlast(SECOND).await;
    stage.loses(&again(&late), "only the owner commits, also after its lease").await?;
    stage.commits(&late, "a refused completion changes nothing").await
}

/// A delivery that the store has completed has had its effect.
pub async fn a_completed_delivery_cannot_be_committed<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    let promise = "the owner's completion is recorded";
    stage.store.completes(&first, Completion::Recorded, promise).await?;
    stage.is_too_late(&first, "a completed delivery cannot be committed").await?;
    stage.is_too_late(&again(&first), "a completed delivery cannot be committed").await
}

/// A handler whose commit was not answered may run its transaction again, with the same token.
pub async fn a_committed_delivery_cannot_be_committed_again<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.commits(&first, "the owner commits its completion").await?;
    for token in [&first, &again(&first)] {
        stage.is_too_late(token, "a committed delivery cannot be committed again").await?;
    }
    stage.has_effects(&first, 1, "a delivery has one effect").await
}

/// A late owner is told that another attempt has completed the delivery.
pub async fn what_another_attempt_completed_cannot_be_committed<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let promise = "what another attempt completed cannot be committed";
    let (first, second) = taken_over(&stage).await?;
    stage.commits(&second, "the new owner commits its completion").await?;
    stage.is_too_late(&first, promise).await?;
    let (first, second) = taken_over(&stage).await?;
    let recorded = "the owner's completion is recorded";
    stage.store.completes(&second, Completion::Recorded, recorded).await?;
    stage.is_too_late(&first, promise).await
}

/// The second completion in a transaction fails, and with it the whole transaction.
pub async fn a_transaction_completes_a_delivery_once<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    let promise = "a transaction completes a delivery once";
    let outcome = stage.commit_all(&[&first, &first]).await;
    // In the transaction the delivery is completed already, and outside it is lost: either is true.
    let refused = matches!(outcome, Err(CompleteError::AlreadyCompleted | CompleteError::Lost));
    ensure(refused, || format!("{promise}: the transaction ended in {outcome:?}"))?;
    stage.has_effects(&first, 0, promise).await?;
    stage.store.in_flight(&again(&first), LONG, "a refused transaction changes nothing").await?;
    stage
        .store
        .answers(&first, ClaimAnswer::Acquired, "a refused transaction changes nothing")
        .await
}

/// A claim whose lease expired, and the claim that has the delivery now.
async fn taken_over<H: TransactionHarness>(
    stage: &Stage<'_, H>,
) -> Result<(Claim, Claim), NotKept> {
    // An id of its own each time.
    let id = format!("{:?}", stage.scene.claim("d", "").token);
    let second = stage.scene.claim(&id, "body");
    let first = Claim { lease: SECOND, ..again(&second) };
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.scene.outlast(SECOND).await;
    stage.store.acquires(&second, "an expired lease can be taken").await?;
    Ok((first, second))
}

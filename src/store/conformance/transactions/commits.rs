use super::TransactionHarness;
use super::stage::{CLAIMABLE, Stage, accepted};
use crate::store::conformance::Trial;
use crate::store::conformance::scene::{LONG, SECOND, Scene, again, ensure};
use crate::store::{Claim, ClaimAnswer, RecordKind, Renewal};
use crate::transaction::CompleteError;

/// A completion that is committed completes the delivery for all, also for the owner's token, and
/// in all processes. The effect has happened once.
pub async fn a_committed_completion_completes_the_delivery<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.commits(&first, "the owner commits its completion").await?;
    let promise = "a committed completion completes the delivery";
    for store in stage.scene.handles().await? {
        store.answers(&again(&first), ClaimAnswer::Completed, promise).await?;
        store.answers(&first, ClaimAnswer::Completed, promise).await?;
        store.renews(&first, Renewal::Lost, "no token holds a completed delivery").await?;
        let other_body = stage.scene.claim("d", "other");
        let promise = "a commit keeps the body that the id belongs to";
        store.answers(&other_body, ClaimAnswer::Conflict, promise).await?;
    }
    Ok(())
}

/// After a rollback the owner still holds the delivery, and its effect has not happened. The owner
/// can complete the delivery in another transaction.
pub async fn a_rolled_back_completion_leaves_the_delivery_in_flight<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.claim("d", "body");
    stage.store.acquires(&first, CLAIMABLE).await?;
    let promise = "a rolled-back completion leaves the delivery in flight for its owner";
    for _ in 0..2 {
        stage.while_open(&first, false, async || Ok(())).await?;
        stage.store.in_flight(&again(&first), LONG, promise).await?;
        stage.store.renews(&first, Renewal::Renewed, promise).await?;
        stage.store.acquires(&first, promise).await?;
    }
    stage.commits(&first, "after a rollback the owner can commit in another transaction").await?;
    let promise = "a committed completion completes the delivery";
    stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await
}

/// A handler of a batch completes several events in one transaction. If one of them is lost, none
/// is completed.
pub async fn a_transaction_completes_all_its_claims_or_none<H: TransactionHarness>(
    harness: &H,
) -> Trial {
    let stage = Stage::set(harness).await?;
    let [one, other, lost] = ["1", "2", "3"].map(|id| stage.scene.claim(id, "body"));
    stage.store.acquires(&one, CLAIMABLE).await?;
    stage.store.acquires(&other, CLAIMABLE).await?;
    let promise = "a transaction completes all its claims or none";
    let outcome = stage.commit_all(&[&one, &lost]).await;
    ensure(matches!(outcome, Err(CompleteError::Lost)), || {
        format!("{promise}: the transaction ended in {outcome:?}, not in Lost")
    })?;
    stage.has_effects(&one, 0, promise).await?;
    stage.store.in_flight(&again(&one), LONG, promise).await?;
    accepted(stage.commit_all(&[&one, &other]).await, promise)?;
    stage.has_effects(&one, 1, promise).await?;
    for claim in [&one, &other] {
        stage.store.answers(&again(claim), ClaimAnswer::Completed, promise).await?;
    }
    Ok(())
}

/// After a commit, the signed bytes under another id are still a replay.
pub async fn a_commit_keeps_replay_records<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = stage.scene.signed("first", "body", &[1]);
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.commits(&first, "the owner commits its completion").await?;
    let replay = stage.scene.signed("other", "body", &[1]);
    let due = ClaimAnswer::ReplayOf(first.id.clone());
    stage.store.answers(&replay, due, "a commit keeps replay records").await?;
    let repeat = again(&first);
    stage.store.answers(&repeat, ClaimAnswer::Completed, "a commit completes the delivery").await
}

/// As long as nobody has taken the delivery over, its owner completes it, however long ago its
/// lease expired.
pub async fn the_owner_commits_after_its_lease<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let first = Claim { lease: SECOND, ..stage.scene.claim("d", "body") };
    stage.store.acquires(&first, CLAIMABLE).await?;
    stage.scene.outlast(SECOND).await;
    stage.store.renews(&first, Renewal::Lost, "an expired lease cannot be renewed").await?;
    stage.commits(&first, "the owner commits after its lease if nobody took the delivery").await?;
    let promise = "a committed completion completes the delivery";
    stage.store.answers(&again(&first), ClaimAnswer::Completed, promise).await
}

/// The commit of an event, or in another scope, says nothing about the delivery of the same id.
pub async fn commits_of_kinds_and_scopes_are_apart<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let promise = "a commit is for one kind in one scope";
    for (delivery, neighbour) in neighbours(&stage.scene, "held") {
        stage.store.acquires(&delivery, CLAIMABLE).await?;
        stage.store.acquires(&neighbour, CLAIMABLE).await?;
        stage.commits(&neighbour, "the owner commits its completion").await?;
        stage.store.in_flight(&again(&delivery), LONG, promise).await?;
        stage.commits(&delivery, promise).await?;
    }
    // The statement may look twice: for the claim that it completes, and for why there is none.
    for (delivery, neighbour) in neighbours(&stage.scene, "lost") {
        stage.store.acquires(&neighbour, CLAIMABLE).await?;
        stage.commits(&neighbour, "the owner commits its completion").await?;
        stage.loses(&delivery, promise).await?;
    }
    Ok(())
}

/// Two deliveries, and for each a claim of the same id: an event's, and one in another scope.
fn neighbours<H: TransactionHarness>(scene: &Scene<'_, H>, id: &str) -> [(Claim, Claim); 2] {
    let [one, other] = ["1", "2"].map(|number| scene.claim(&format!("{id} {number}"), "body"));
    let event = Claim { kind: RecordKind::Event, ..again(&one) };
    let elsewhere = Claim { scope: scene.scope(" elsewhere"), ..again(&other) };
    [(one, event), (other, elsewhere)]
}

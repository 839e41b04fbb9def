use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::attempt::{Attempt, Finalization};
use crate::deadline::within;
use crate::delivery::{ClaimHandle, ClaimState};
use crate::observe::{Outcome, StoreOperation};
use crate::store::{ClaimAnswer, Completion, StoreError};

/// How long the response waits for a store that fails.
const PATIENCE: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Completes or releases the claim, and waits for the store for half a second. After that it
/// retries in the background, because the sender waits for the handler's response.
///
/// Returns whether a handler that succeeded may be believed. It may not if it completed the delivery
/// in its own transaction, and the store cannot confirm that.
///
/// The first finalization of an attempt counts. Otherwise a completion that is cut short could
/// become a release.
pub(super) async fn finalize(attempt: &Arc<Attempt>, finalization: Finalization) -> bool {
    let finalization = *attempt.finalization.get_or_init(|| finalization);
    let claim = attempt.claim.get().filter(|claim| claim.state() != ClaimState::Committed);
    let Some(claim) = claim else { return true };
    let says_committed = matches!(claim.state(), ClaimState::Staged | ClaimState::Refused);
    if says_committed && let Finalization::Complete = finalization {
        // Boxed, so that the future of an ordinary delivery holds no room for it.
        return Box::pin(prove(attempt, claim)).await;
    }
    if attempt.lease.may_have_expired() {
        attempt.note_lost_lease();
    }
    record_in_time(attempt, claim, finalization).await;
    true
}

/// Releases the delivery unless the store says that it is completed.
async fn prove(attempt: &Arc<Attempt>, claim: &ClaimHandle) -> bool {
    let proof = ask_for_proof(attempt, claim).await;
    if proof == Some(ClaimAnswer::Completed) {
        return true;
    }
    attempt.observe(Outcome::NotCommitted);
    record_in_time(attempt, claim, Finalization::Release).await;
    if proof.is_none() {
        release_once_more(Arc::clone(attempt), claim.clone());
    }
    false
}

/// Whether the store says that the delivery is completed. It may not be: the handler's transaction
/// was dropped or rolled back, or its commit was answered although the transaction had failed.
///
/// Claims the delivery again. A completed one is found completed, and another attempt's is left alone.
/// `None` if the store does not answer in time.
async fn ask_for_proof(attempt: &Arc<Attempt>, claim: &ClaimHandle) -> Option<ClaimAnswer> {
    let (claim, limit) = (claim.claim(), attempt.times.store_timeout);
    let ask = || attempt.ask(StoreOperation::Prove, limit, |store| store.claim(claim));
    let answer = until_answered(ask);
    within(PATIENCE, pin!(answer)).await
}

/// Releases again later. The claim that was to prove the completion may have reached the store after
/// the release.
fn release_once_more(attempt: Arc<Attempt>, claim: ClaimHandle) {
    tokio::spawn(async move {
        let limit = attempt.times.store_timeout;
        sleep(limit).await;
        let claim = claim.claim();
        let _ = attempt.ask(StoreOperation::Release, limit, |store| store.release(claim)).await;
    });
}

/// Records the end, within half a second or in the background.
async fn record_in_time(attempt: &Arc<Attempt>, claim: &ClaimHandle, finalization: Finalization) {
    let recorded = pin!(until_answered(|| record(attempt, claim, finalization)));
    if within(PATIENCE, recorded).await.is_some() {
        return;
    }
    attempt.observe(Outcome::FinalizedLate);
    let (attempt, claim) = (Arc::clone(attempt), claim.clone());
    tokio::spawn(async move {
        let until = match finalization {
            Finalization::Complete => attempt.times.handler_timeout,
            // After that time the claim has expired.
            Finalization::Release => attempt.times.lease,
        };
        let recorded = until_answered(|| record(&attempt, &claim, finalization));
        if timeout(until, recorded).await.is_err() {
            attempt.observe(Outcome::FinalizeFailed);
        }
    });
}

/// Asks the store again until it answers.
async fn until_answered<T, F>(ask: impl Fn() -> F) -> T
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(answer) = ask().await {
            return answer;
        }
        // Boxed, so that the future of a store that answers holds no room for the timer.
        Box::pin(sleep(pause)).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

async fn record(
    attempt: &Attempt,
    claim: &ClaimHandle,
    finalization: Finalization,
) -> Result<(), StoreError> {
    let (claim, limit) = (claim.claim(), attempt.times.store_timeout);
    if let Finalization::Release = finalization {
        return attempt.ask(StoreOperation::Release, limit, |store| store.release(claim)).await;
    }
    let completion =
        attempt.ask(StoreOperation::Complete, limit, |store| store.complete(claim)).await?;
    // If another attempt completed the delivery meanwhile, the store answers `Recorded`. Only the
    // age of the lease shows the loss then.
    if completion == Completion::HeldByAnother || attempt.lease.may_have_expired() {
        attempt.note_lost_lease();
    }
    Ok(())
}

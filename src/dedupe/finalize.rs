use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::attempt::{Attempt, Finalization};
use crate::deadline::within;
use crate::delivery::{ClaimHandle, ClaimState};
use crate::observe::{Outcome, StoreOperation};
use crate::store::{Completion, StoreError};

/// How long the response waits for a store that fails.
const PATIENCE: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Completes or releases the claim, and waits for the store for half a second. After that it
/// retries in the background, because the sender waits for the handler's response.
///
/// The first finalization of an attempt counts. Otherwise a completion that is cut short could
/// become a release.
pub(super) async fn finalize(attempt: &Arc<Attempt>, finalization: Finalization) {
    let claim = attempt.claim.get();
    let state = claim.map(ClaimHandle::state);
    let finalization = match state {
        // The handler's transaction was rolled back. A completion would keep the retry from
        // running it again.
        Some(ClaimState::Refused) => Finalization::Release,
        _ => finalization,
    };
    let finalization = *attempt.finalization.get_or_init(|| finalization);
    let Some(claim) = claim.filter(|_| state != Some(ClaimState::Committed)) else {
        return;
    };
    if attempt.lease.may_have_expired() {
        attempt.note_lost_lease();
    }
    let recorded = pin!(finalize_with_retries(attempt, claim, finalization));
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
        if timeout(until, finalize_with_retries(&attempt, &claim, finalization)).await.is_err() {
            attempt.observe(Outcome::FinalizeFailed);
        }
    });
}

/// Calls the store until it has recorded the finalization.
async fn finalize_with_retries(attempt: &Attempt, claim: &ClaimHandle, finalization: Finalization) {
    let mut pause = FIRST_PAUSE;
    while record(attempt, claim, finalization).await.is_err() {
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

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Incident;
use super::attempt::{Attempt, Finalization};
use super::store_call::ask;
use crate::observe::log;
use crate::store::{Completion, Store, StoreError};

/// How long the sender's answer waits for a store that fails.
const PATIENCE: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Records the end, waiting for the store a little; what it has not taken by
/// then is tried on in the background, for the handler's answer is due.
///
/// The first end of a run is its end: a completion cut short is not made a
/// release by whoever cut it.
pub(super) async fn finalize(run: &Arc<Attempt>, finalization: Finalization) {
    let finalization = *run.finalizing.get_or_init(|| finalization);
    if run.lease.may_have_expired() {
        run.count_lost_lease();
    }
    if timeout(PATIENCE, finalize_at_last(run, finalization)).await.is_ok() {
        return;
    }
    run.count(Incident::FinalizedLate);
    let run = Arc::clone(run);
    tokio::spawn(async move {
        let until = match finalization {
            Finalization::Complete => run.dedupe.options.handler_timeout,
            // After that it has lapsed by itself.
            Finalization::Release => run.dedupe.options.lease,
        };
        if timeout(until, finalize_at_last(&run, finalization)).await.is_err() {
            run.count(Incident::FinalizeFailed);
        }
    });
}

async fn finalize_at_last(run: &Attempt, finalization: Finalization) {
    let mut pause = FIRST_PAUSE;
    loop {
        match ask(run.dedupe.options.store_timeout, finalize_now(run, finalization)).await {
            Ok(()) => return,
            Err(error) => log::store_error(&error, run.id()),
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

async fn finalize_now(run: &Attempt, finalization: Finalization) -> Result<(), StoreError> {
    let Some(claim) = run.claim.get() else {
        return Ok(());
    };
    match finalization {
        Finalization::Release => run.dedupe.store.release(claim).await,
        Finalization::Complete => {
            let completion = run.dedupe.store.complete(claim).await?;
            // If another attempt has completed it meanwhile, the store says no more than
            // that it is recorded.
            if completion == Completion::HeldByAnother || run.lease.may_have_expired() {
                run.count_lost_lease();
            }
            Ok(())
        }
    }
}

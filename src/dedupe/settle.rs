use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Incident;
use super::ask::ask;
use super::run::{Run, Settlement};
use crate::store::{Completion, Store, StoreError};
use crate::trace;

/// How long the sender's answer waits for a store that fails.
const PATIENCE: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Records the end, waiting for the store a little; what it has not taken by
/// then is tried on in the background, for the handler's answer is due.
///
/// The first end of a run is its end: a completion cut short is not made a
/// release by whoever cut it.
pub(super) async fn settle(run: &Arc<Run>, settlement: Settlement) {
    let settlement = *run.settling.get_or_init(|| settlement);
    if run.lease.may_have_expired() {
        run.count_lost_lease();
    }
    if timeout(PATIENCE, settle_at_last(run, settlement)).await.is_ok() {
        return;
    }
    run.count(Incident::SettlingLate);
    let run = Arc::clone(run);
    tokio::spawn(async move {
        let until = match settlement {
            Settlement::Complete => run.dedupe.options.max_run,
            // After that it has lapsed by itself.
            Settlement::Release => run.dedupe.options.lease,
        };
        if timeout(until, settle_at_last(&run, settlement)).await.is_err() {
            run.count(Incident::SettlingFailed);
        }
    });
}

async fn settle_at_last(run: &Run, settlement: Settlement) {
    let mut pause = FIRST_PAUSE;
    loop {
        match ask(run.dedupe.options.store_timeout, settle_now(run, settlement)).await {
            Ok(()) => return,
            Err(error) => trace::store_error(&error, run.id()),
        }
        sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}

async fn settle_now(run: &Run, settlement: Settlement) -> Result<(), StoreError> {
    let Some(claim) = run.claim.get() else {
        return Ok(());
    };
    match settlement {
        Settlement::Release => run.dedupe.store.release(claim).await,
        Settlement::Complete => {
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

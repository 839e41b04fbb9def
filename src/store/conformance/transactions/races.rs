use std::panic::resume_unwind;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep};

use super::TransactionHarness;
use super::stage::{CLAIMABLE, Stage};
use crate::Store;
use crate::store::conformance::scene::{LONG, again, broken};
use crate::store::conformance::{NotKept, Trial};
use crate::store::{Claim, ClaimAnswer};
use crate::transaction::CompleteError;

const ROUNDS: u32 = 16;
const OWNERS: u32 = 5;

/// The leases are this long, twice as long, and so on, so that some expire in the middle of a
/// transaction, however fast the database is.
const STEP: Duration = Duration::from_millis(3);

/// The longest that an attempt waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

const ONE: &str = "of many transactions at once, one is committed";

/// Of many attempts whose leases expire, which take the delivery from one another and all run
/// their transaction, one commits.
pub async fn one_of_many_owners_commits<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    let late = deliveries(&stage, |round| STEP * (round + 1)).await?;
    stage.scene.outlast(STEP * ROUNDS).await;
    for late in late {
        on_threads(OWNERS, async |number| {
            if number == 0 {
                return transact(&stage, &late).await;
            }
            let owner = again(&late);
            sleep(late.lease).await;
            if acquires_in_turn(&stage, &owner).await? {
                transact(&stage, &owner).await?;
            }
            Ok(())
        })?;
        has_one_effect(&stage, &late).await?;
    }
    Ok(())
}

/// Of many transactions of one attempt, one commits: a handler may try again although its commit
/// is still under way.
pub async fn an_attempt_commits_once<H: TransactionHarness>(harness: &H) -> Trial {
    let stage = Stage::set(harness).await?;
    for held in deliveries(&stage, |_| LONG).await? {
        on_threads(OWNERS, async |_| transact(&stage, &held).await)?;
        has_one_effect(&stage, &held).await?;
    }
    Ok(())
}

/// A delivery for each round, each claimed.
async fn deliveries<H: TransactionHarness>(
    stage: &Stage<'_, H>,
    lease: impl Fn(u32) -> Duration,
) -> Result<Vec<Claim>, NotKept> {
    let mut deliveries = Vec::new();
    for round in 0..ROUNDS {
        let delivery =
            Claim { lease: lease(round), ..stage.scene.claim(&format!("{round}"), "body") };
        stage.store.acquires(&delivery, CLAIMABLE).await?;
        deliveries.push(delivery);
    }
    Ok(deliveries)
}

/// Claims the delivery until it is acquired. Returns `false` if another attempt completed it before.
async fn acquires_in_turn<H: TransactionHarness>(
    stage: &Stage<'_, H>,
    claim: &Claim,
) -> Result<bool, NotKept> {
    let begun = Instant::now();
    loop {
        match stage.store.unpolled().claim(claim).await {
            Ok(ClaimAnswer::Acquired) => return Ok(true),
            Ok(ClaimAnswer::Completed) => return Ok(false),
            Err(error) if !stage.has_one_writer() => {
                return broken(format!("{ONE}: the store failed: {error:?}"));
            }
            answer if begun.elapsed() > PATIENCE => {
                return broken(format!("{ONE}: a claim still ends in {answer:?}"));
            }
            _ => sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Runs the owner's transaction, and again if another writer kept it waiting too long.
async fn transact<H: TransactionHarness>(stage: &Stage<'_, H>, owner: &Claim) -> Trial {
    let begun = Instant::now();
    loop {
        match stage.commit(owner).await {
            Ok(()) | Err(CompleteError::Lost | CompleteError::AlreadyCompleted) => return Ok(()),
            Err(_) if stage.has_one_writer() && begun.elapsed() < PATIENCE => {}
            outcome => return broken(format!("{ONE}: a transaction ended in {outcome:?}")),
        }
    }
}

async fn has_one_effect<H: TransactionHarness>(stage: &Stage<'_, H>, claim: &Claim) -> Trial {
    stage.has_effects(claim, 1, ONE).await?;
    stage.store.answers(&again(claim), ClaimAnswer::Completed, ONE).await
}

/// Runs the job on each of so many threads, all started together. The transaction of a blocking
/// driver blocks its thread, and cannot be sent to another.
fn on_threads(threads: u32, job: impl AsyncFn(u32) -> Trial + Sync) -> Trial {
    let (runtime, start) = (Handle::current(), Barrier::new(threads as usize));
    let run = |number| {
        start.wait();
        runtime.block_on(job(number))
    };
    let run = &run;
    block_in_place(|| {
        thread::scope(|scope| {
            let threads: Vec<_> =
                (0..threads).map(|number| scope.spawn(move || run(number))).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Trial>| {
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            threads.into_iter().try_for_each(join)
        })
    })
}

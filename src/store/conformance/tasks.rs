//! Jobs that race with each other.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Barrier;

use super::NotKept;
use super::scene::{Handle, again, broken};
use crate::Store;
use crate::store::{Claim, ClaimAnswer, Completion};

pub(super) const TASKS: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    Acquire,
    Record,
    Nothing,
}

pub(super) type Job = Pin<Box<dyn Future<Output = Result<Did, NotKept>> + Send>>;

/// Runs each job on a task of its own, all started together.
pub(super) async fn at_once(jobs: Vec<Job>) -> Result<Vec<Did>, NotKept> {
    let start = Arc::new(Barrier::new(jobs.len()));
    let task = |job: Job| {
        let start = start.clone();
        tokio::spawn(async move {
            start.wait().await;
            job.await
        })
    };
    let tasks: Vec<_> = jobs.into_iter().map(task).collect();
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(task.await.unwrap_or_else(|panic| resume_unwind(panic.into_panic()))?);
    }
    Ok(done)
}

pub(super) fn count(done: &[Did], what: Did) -> usize {
    done.iter().filter(|did| **did == what).count()
}

/// Attempts at these deliveries in turn, through the handles in turn.
pub(super) fn attempts<S: Store>(handles: &[Handle<S>], deliveries: &[Claim]) -> Vec<Job> {
    let attempt = |task: usize| {
        // Shifted with every turn, so that each delivery is tried through each handle.
        let delivery = &deliveries[(task + task / handles.len()) % deliveries.len()];
        attempt(handles[task % handles.len()].clone(), again(delivery))
    };
    (0..TASKS).map(attempt).collect()
}

/// Claims the delivery, under the id that its signed bytes first came with.
fn attempt<S: Store>(store: Handle<S>, mut claim: Claim) -> Job {
    Box::pin(async move {
        for _ in 0..3 {
            match store.claim(&claim).await? {
                ClaimAnswer::Acquired => return Ok(Did::Acquire),
                ClaimAnswer::ReplayOf(first) => claim.id = first,
                ClaimAnswer::InFlight { .. } | ClaimAnswer::Completed => return Ok(Did::Nothing),
                ClaimAnswer::Conflict => {
                    return broken("claim returned Conflict for the same body".into());
                }
            }
        }
        broken("claim returned ReplayOf three times in a row".into())
    })
}

/// These jobs, and attempts that go on until the jobs are done and once more.
pub(super) fn with_attempts<S: Store>(
    jobs: Vec<Job>,
    handles: &[Handle<S>],
    delivery: &Claim,
) -> Vec<Job> {
    let pending = Arc::new(AtomicUsize::new(jobs.len()));
    let counted = |job: Job| -> Job {
        let pending = pending.clone();
        Box::pin(async move {
            let did = job.await;
            pending.fetch_sub(1, Ordering::SeqCst);
            did
        })
    };
    let goes_on = |task: usize| -> Job {
        let (store, claim) = (handles[task % handles.len()].clone(), again(delivery));
        let pending = pending.clone();
        Box::pin(async move {
            loop {
                let last = pending.load(Ordering::SeqCst) == 0;
                let did = attempt(store.clone(), claim.clone()).await?;
                if last || did == Did::Acquire {
                    return Ok(did);
                }
                tokio::task::yield_now().await;
            }
        })
    };
    jobs.into_iter().map(counted).chain((0..TASKS).map(goes_on)).collect()
}

/// The job, started some turns of the scheduler later.
pub(super) fn after_turns(turns: usize, job: Job) -> Job {
    Box::pin(async move {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        job.await
    })
}

pub(super) fn renew<S: Store>(store: &Handle<S>, claim: &Claim) -> Job {
    let (store, claim) = (store.clone(), claim.clone());
    Box::pin(async move { store.renew(&claim).await.map(|_| Did::Nothing) })
}

pub(super) fn release<S: Store>(store: &Handle<S>, claim: &Claim) -> Job {
    let (store, claim) = (store.clone(), claim.clone());
    Box::pin(async move { store.release(&claim).await.map(|()| Did::Nothing) })
}

pub(super) fn complete<S: Store>(store: &Handle<S>, claim: &Claim) -> Job {
    let (store, claim) = (store.clone(), claim.clone());
    Box::pin(async move {
        Ok(match store.complete(&claim).await? {
            Completion::Recorded => Did::Record,
            Completion::HeldByAnother => Did::Nothing,
        })
    })
}

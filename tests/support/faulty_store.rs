use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nevent_webhooks::Store;
use nevent_webhooks::store::{Claim, ClaimAnswer, Completion, MemoryStore, Renewal, StoreError};
use tokio::time::sleep;

/// A way for a store to fail.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// Refuses at once, does nothing.
    Down,
    /// Does nothing and never answers.
    Silent,
    /// Does as asked, but the answer never comes.
    AnswerLost,
    /// Does as asked after a fifth of a second.
    Late,
    /// Does as asked, and then the thread that waits for its answer is blocked.
    BlocksFor(Duration),
    /// Has a bug.
    Panics,
}

/// The in-memory store behind a connection that fails on demand.
#[derive(Debug, Clone)]
pub struct FaultyStore {
    inner: Arc<MemoryStore>,
    faults: Arc<Mutex<Faults>>,
    releases: Arc<AtomicUsize>,
    renewals: Arc<AtomicUsize>,
    claims: Arc<Mutex<Vec<Claim>>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Faults {
    claims: Option<Fault>,
    finalizations: Option<Fault>,
    renewals: Option<Fault>,
}

impl FaultyStore {
    pub fn new(inner: MemoryStore) -> Self {
        Self {
            inner: Arc::new(inner),
            faults: Arc::default(),
            releases: Arc::default(),
            renewals: Arc::default(),
            claims: Arc::default(),
        }
    }

    pub fn fail_claims(&self, fault: impl Into<Option<Fault>>) {
        self.faults.lock().expect("no panic while locked").claims = fault.into();
    }

    /// Completions and releases.
    pub fn fail_finalizations(&self, fault: impl Into<Option<Fault>>) {
        self.faults.lock().expect("no panic while locked").finalizations = fault.into();
    }

    pub fn fail_renewals(&self, fault: impl Into<Option<Fault>>) {
        self.faults.lock().expect("no panic while locked").renewals = fault.into();
    }

    fn faults(&self) -> Faults {
        *self.faults.lock().expect("no panic while locked")
    }

    /// The number of releases asked for.
    pub fn releases(&self) -> usize {
        self.releases.load(Ordering::SeqCst)
    }

    /// The number of renewals asked for.
    pub fn renewals(&self) -> usize {
        self.renewals.load(Ordering::SeqCst)
    }

    /// The number of claims asked for.
    pub fn claims(&self) -> usize {
        self.claims.lock().expect("no panic while locked").len()
    }

    pub fn last_claim(&self) -> Claim {
        let claims = self.claims.lock().expect("no panic while locked");
        claims.last().expect("a claim was asked for").clone()
    }
}

async fn with_fault<T>(
    fault: Option<Fault>,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match fault {
        None => call.await,
        Some(Fault::Down) => Err(StoreError::unavailable("connection refused")),
        Some(Fault::Silent) => pending().await,
        Some(Fault::Late) => {
            sleep(Duration::from_millis(200)).await;
            call.await
        }
        Some(Fault::BlocksFor(time)) => {
            let answer = call.await;
            std::thread::sleep(time);
            answer
        }
        Some(Fault::Panics) => panic!("a store's bug"),
        Some(Fault::AnswerLost) => {
            call.await?;
            pending().await
        }
    }
}

impl Store for FaultyStore {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        self.claims.lock().expect("no panic while locked").push(claim.clone());
        with_fault(self.faults().claims, self.inner.claim(claim)).await
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        with_fault(self.faults().renewals, self.inner.renew(claim)).await
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        with_fault(self.faults().finalizations, self.inner.complete(claim)).await
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.releases.fetch_add(1, Ordering::SeqCst);
        with_fault(self.faults().finalizations, self.inner.release(claim)).await
    }
}

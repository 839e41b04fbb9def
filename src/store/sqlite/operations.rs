//! The four operations, each as a job of the store's thread.

use super::job::{Outlives, Waiting, job};
use super::tables::Tables;
use super::time::after;
use super::{Shared, SqliteStore, SqliteStoreError};
use crate::store::{
    Claim, ClaimAnswer, Completion, CompletionSql, Renewal, Store, StoreError, StoreIdentity,
};

impl Store for SqliteStore {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        let claim = claim.clone();
        Ok(self.0.ask(Outlives::Process, move |tables| tables.claim(&claim)).await?)
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        let claim = claim.clone();
        Ok(self.0.ask(Outlives::Process, move |tables| tables.renew(&claim)).await?)
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        let claim = claim.clone();
        Ok(self.0.ask(Outlives::PowerCut, move |tables| tables.complete(&claim)).await?)
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let claim = claim.clone();
        Ok(self.0.ask(Outlives::Process, move |tables| tables.release(&claim)).await?)
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        Some(&self.0.identity)
    }

    fn completion_sql(&self) -> Option<&CompletionSql> {
        Some(&self.0.sql)
    }
}

impl Shared {
    /// Lets the store's thread do the work, and waits until it is committed.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        outlives: Outlives,
        work: impl FnMut(&mut Tables<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SqliteStoreError> {
        let (job, answer) = job(work);
        let until = after(self.file.busy_timeout());
        // If the thread has ended, the job is dropped, and so is the sender of its answer.
        let _ = self.jobs.send(Waiting { job, until, outlives });
        answer.await.unwrap_or_else(|_| Err(self.no_thread("it has ended")))
    }

    pub(super) fn no_thread(&self, reason: &str) -> SqliteStoreError {
        let path = self.file.path.clone();
        SqliteStoreError::NoThread { path, reason: reason.to_owned() }
    }
}

use std::time::Duration;

use tokio::time::timeout;

use super::{Plan, TransactionHarness};
use crate::Store;
use crate::store::conformance::scene::{Handle, Scene, broken, ensure};
use crate::store::conformance::{NotKept, Trial};
use crate::store::{Claim, ClaimAnswer, CompletionSql, StoreError};
use crate::transaction::{CompleteError, CompletionStatement};

/// The start of every promise.
pub(super) const CLAIMABLE: &str = "a delivery without a record can be claimed";

/// The longest that a busy machine needs for an answer that waits for no transaction.
pub(super) const AT_ONCE: Duration = Duration::from_millis(900);

/// The surroundings in which one promise is tried, and the transactions in them.
pub(super) struct Stage<'h, H: TransactionHarness> {
    harness: &'h H,
    pub(super) scene: Scene<'h, H>,
    pub(super) store: Handle<H::Store>,
    sql: CompletionSql,
}

impl<'h, H: TransactionHarness> Stage<'h, H> {
    pub(super) async fn set(harness: &'h H) -> Result<Self, NotKept> {
        let (scene, store) = Scene::set(harness).await;
        let sql = store.unpolled().completion_sql().cloned();
        let without = || NotKept::Broken("the store has no completion statement".to_owned());
        Ok(Self { harness, scene, store, sql: sql.ok_or_else(without)? })
    }

    /// Runs a transaction with the first claim's effect that completes these claims.
    async fn transact(
        &self,
        claims: &[&Claim],
        commits: bool,
        meanwhile: impl AsyncFnOnce(),
    ) -> Result<(), CompleteError> {
        let statement = |claim| CompletionStatement::new(&self.sql, claim);
        let statements: Vec<_> = claims.iter().copied().map(statement).collect();
        let plan = Plan { effect: &effect(claims[0]), statements: &statements, commits };
        self.harness.transact(plan, meanwhile).await
    }

    /// Tries to complete the claim in a transaction, and to commit it.
    pub(super) async fn commit(&self, claim: &Claim) -> Result<(), CompleteError> {
        self.commit_all(&[claim]).await
    }

    /// Tries to complete these claims in one transaction, and to commit it.
    pub(super) async fn commit_all(&self, claims: &[&Claim]) -> Result<(), CompleteError> {
        self.transact(claims, true, async || {}).await
    }

    /// The completion is committed, and its effect is there once.
    pub(super) async fn commits(&self, claim: &Claim, promise: &str) -> Trial {
        accepted(self.commit(claim).await, promise)?;
        self.has_effects(claim, 1, promise).await
    }

    /// The statement fails because the claim is not held, and its effect cannot be committed.
    pub(super) async fn loses(&self, claim: &Claim, promise: &str) -> Trial {
        let before = self.effects(claim).await;
        let outcome = self.commit(claim).await;
        ensure(matches!(outcome, Err(CompleteError::Lost)), || {
            format!("{promise}: the transaction ended in {outcome:?}, not in Lost")
        })?;
        self.has_effects(claim, before, promise).await
    }

    /// The statement fails because the delivery is completed, and its effect cannot be committed.
    pub(super) async fn is_too_late(&self, claim: &Claim, promise: &str) -> Trial {
        let before = self.effects(claim).await;
        let outcome = self.commit(claim).await;
        ensure(matches!(outcome, Err(CompleteError::AlreadyCompleted)), || {
            format!("{promise}: the transaction ended in {outcome:?}, not in AlreadyCompleted")
        })?;
        self.has_effects(claim, before, promise).await
    }

    /// Completes the claim in a transaction and tries something while it is open. Then the
    /// transaction is committed or rolled back, which must succeed.
    pub(super) async fn while_open(
        &self,
        claim: &Claim,
        commits: bool,
        meanwhile: impl AsyncFnOnce() -> Trial,
    ) -> Trial {
        let mut seen = None;
        let look = async || seen = Some(meanwhile().await);
        let outcome = self.transact(&[claim], commits, look).await;
        seen.unwrap_or_else(|| {
            broken(format!("the harness ended the transaction too early: {outcome:?}"))
        })?;
        accepted(outcome, "the owner's completion is accepted")?;
        self.has_effects(claim, i64::from(commits), "a commit decides on the effect").await
    }

    /// The claim is answered at once that the delivery is in flight. In a database with one writer,
    /// it may also fail within the store's limit.
    pub(super) async fn in_flight_at_once(&self, claim: &Claim, promise: &str) -> Trial {
        match self.at_once(self.store.unpolled().claim(claim), promise).await? {
            None | Some(ClaimAnswer::InFlight { .. }) => Ok(()),
            Some(other) => broken(format!("{promise}: claim returned {other:?}, not InFlight")),
        }
    }

    /// Waits for the answer of the store as long as it may take. There is none if another writer
    /// kept the store waiting.
    pub(super) async fn at_once<T>(
        &self,
        answer: impl Future<Output = Result<T, StoreError>>,
        promise: &str,
    ) -> Result<Option<T>, NotKept> {
        let limit = self.harness.one_writer().unwrap_or_default() + AT_ONCE;
        match timeout(limit, answer).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(_)) if self.has_one_writer() => Ok(None),
            Ok(Err(error)) => broken(format!("{promise}: the store failed: {error:?}")),
            Err(_) => broken(format!("{promise}: the store gave no answer within {limit:?}")),
        }
    }

    pub(super) fn has_one_writer(&self) -> bool {
        self.harness.one_writer().is_some()
    }

    async fn effects(&self, claim: &Claim) -> i64 {
        self.harness.effects(&effect(claim)).await
    }

    pub(super) async fn has_effects(&self, claim: &Claim, due: i64, promise: &str) -> Trial {
        let effects = self.effects(claim).await;
        ensure(effects == due, || format!("{promise}: there are {effects} effects, not {due}"))
    }
}

/// All attempts at one delivery have the same effect.
fn effect(claim: &Claim) -> String {
    format!("{} {} {}", claim.scope.as_str(), claim.kind.as_str(), claim.id)
}

pub(super) fn accepted(outcome: Result<(), CompleteError>, promise: &str) -> Trial {
    outcome.or_else(|error| broken(format!("{promise}: the transaction ended in {error:?}")))
}

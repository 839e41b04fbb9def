//! The four operations: what each tells its function, and what the answer means.

use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::pool::Parameter;
use super::{PostgresStore, PostgresStoreError, Shared};
use crate::DeliveryId;
use crate::store::{
    Claim, ClaimAnswer, Completion, CompletionSql, Renewal, Store, StoreError, StoreIdentity,
};

impl Store for PostgresStore {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        Ok(self.0.claim(claim).await?)
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        let lease = millis(claim.lease);
        match self.0.word(&self.0.schema.renew, claim, &[(&lease, Type::INT8)]).await?.as_str() {
            "renewed" => Ok(Renewal::Renewed),
            "lost" => Ok(Renewal::Lost),
            _ => Err(self.0.unexpected().into()),
        }
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        let (fingerprint, retention) = (claim.fingerprint.with_version(), millis(claim.retention));
        let more: [Parameter<'_>; 2] =
            [(&fingerprint.as_slice(), Type::BYTEA), (&retention, Type::INT8)];
        match self.0.word(&self.0.schema.complete, claim, &more).await?.as_str() {
            "recorded" => Ok(Completion::Recorded),
            "held by another" => Ok(Completion::HeldByAnother),
            _ => Err(self.0.unexpected().into()),
        }
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.0.row(&self.0.schema.release, claim, &[]).await?;
        Ok(())
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        Some(&self.0.identity)
    }

    fn completion_sql(&self) -> Option<&CompletionSql> {
        Some(&self.0.sql)
    }
}

impl Shared {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, PostgresStoreError> {
        let keys: Vec<_> = claim.replay_keys.iter().map(|key| key.to_bytes().to_vec()).collect();
        let (lease, retention) = (millis(claim.lease), millis(claim.retention));
        let (fingerprint, window) = (claim.fingerprint.with_version(), millis(claim.replay_window));
        let more: [Parameter<'_>; 6] = [
            (&fingerprint.as_slice(), Type::BYTEA),
            (&lease, Type::INT8),
            (&retention, Type::INT8),
            (&keys, Type::BYTEA_ARRAY),
            (&window, Type::INT8),
            (&self.asynchronous_claims, Type::BOOL),
        ];
        let row = self.row(&self.schema.claim, claim, &more).await?;
        answer(row.get(0)).ok_or_else(|| self.unexpected())
    }

    fn unexpected(&self) -> PostgresStoreError {
        PostgresStoreError::Schema {
            server: self.pool.server().to_owned(),
            schema: self.schema.name.clone(),
            found: "functions that are not this store's".to_owned(),
        }
    }

    /// The word that a function answers with.
    async fn word(
        &self,
        query: &str,
        claim: &Claim,
        more: &[Parameter<'_>],
    ) -> Result<String, PostgresStoreError> {
        Ok(self.row(query, claim, more).await?.get(0))
    }

    /// Calls a function with the claim's scope, kind, id and token, the lock timeout, and more.
    async fn row(
        &self,
        query: &str,
        claim: &Claim,
        more: &[Parameter<'_>],
    ) -> Result<Row, PostgresStoreError> {
        let (scope, kind, id) = (claim.scope.as_str(), claim.kind.as_str(), claim.id.as_str());
        let token = claim.token.to_bytes();
        let token = token.as_slice();
        let mut parameters: Vec<Parameter<'_>> = vec![
            (&scope, Type::TEXT),
            (&kind, Type::TEXT),
            (&id, Type::TEXT),
            (&token, Type::BYTEA),
            (&self.lock_timeout, Type::TEXT),
        ];
        parameters.extend(more.iter().cloned());
        self.pool.query(self.begin.operation.as_deref(), query, &parameters).await
    }
}

/// The answer in its words. `None` if it is not one that the function gives.
fn answer(words: &str) -> Option<ClaimAnswer> {
    Some(match words {
        "acquired" => ClaimAnswer::Acquired,
        "completed" => ClaimAnswer::Completed,
        "conflict" => ClaimAnswer::Conflict,
        other => {
            if let Some(first_id) = other.strip_prefix("replay ") {
                return Some(ClaimAnswer::ReplayOf(DeliveryId::new(first_id).ok()?));
            }
            let millis = other.strip_prefix("in flight ")?.parse().ok()?;
            ClaimAnswer::InFlight { lease: Duration::from_millis(millis) }
        }
    })
}

/// At most a century, which every interval and moment of the server can hold.
fn millis(duration: Duration) -> i64 {
    const CENTURY: i64 = 100 * 365 * 24 * 3_600_000;
    i64::try_from(duration.as_millis()).unwrap_or(CENTURY).clamp(1, CENTURY)
}

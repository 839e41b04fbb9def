//! The four operations: what each tells its script, and what the answer means.

use std::time::Duration;

use redis::{ParsingError, RedisError, Value, from_redis_value};

use super::error::printable;
use super::key::Keys;
use super::script::Script;
use super::{RedisStore, RedisStoreError, Shared};
use crate::DeliveryId;
use crate::store::{
    Claim, ClaimAnswer, Completion, Fingerprint, Renewal, Store, StoreError, StoreIdentity,
};

impl Store for RedisStore {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        Ok(self.0.claim(claim).await?)
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        let arguments = [&claim.token.to_bytes()[..], &millis(claim.lease)];
        match self.0.finalize(&self.0.renew, claim, &arguments).await?.as_str() {
            "renewed" => Ok(Renewal::Renewed),
            "lost" => Ok(Renewal::Lost),
            other => Err(self.0.unexpected(other).into()),
        }
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        let (fingerprint, retention) = (fingerprint(claim), millis(claim.retention));
        let arguments = [&claim.token.to_bytes()[..], &fingerprint, &retention];
        match self.0.finalize(&self.0.complete, claim, &arguments).await?.as_str() {
            "recorded" => Ok(Completion::Recorded),
            "held by another" => Ok(Completion::HeldByAnother),
            other => Err(self.0.unexpected(other).into()),
        }
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        self.0.finalize(&self.0.release, claim, &[&claim.token.to_bytes()]).await?;
        Ok(())
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        Some(&self.0.identity)
    }
}

impl Shared {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, RedisStoreError> {
        let keys = self.keys(claim.scope.as_str());
        let arguments = [
            claim.id.as_str().as_bytes(),
            &claim.token.to_bytes(),
            &fingerprint(claim),
            &millis(claim.lease),
            &millis(claim.replay_window),
        ];
        let answer = self.claim.run(&self.connection, &keys.of_claim(claim), &arguments).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        self.understand(answer)
    }

    fn understand(&self, answer: Value) -> Result<ClaimAnswer, RedisStoreError> {
        let unexpected = |error: ParsingError| self.unexpected(&error.to_string());
        let words: Vec<String> = from_redis_value(answer).map_err(unexpected)?;
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["acquired"] => Some(ClaimAnswer::Acquired),
            ["completed"] => Some(ClaimAnswer::Completed),
            ["conflict"] => Some(ClaimAnswer::Conflict),
            ["in flight", millis] => millis.parse().ok().map(|millis: i64| {
                let millis = u64::try_from(millis).unwrap_or_default();
                ClaimAnswer::InFlight { lease: Duration::from_millis(millis) }
            }),
            ["replay of", id] => DeliveryId::new(id).ok().map(ClaimAnswer::ReplayOf),
            _ => None,
        }
        .ok_or_else(|| self.unexpected(&format!("{words:?}")))
    }

    async fn finalize(
        &self,
        script: &Script,
        claim: &Claim,
        arguments: &[&[u8]],
    ) -> Result<String, RedisStoreError> {
        let record = self.keys(claim.scope.as_str()).record(claim.kind, claim.id.as_str());
        let answer = script.run(&self.connection, &[record], arguments).await;
        let answer = answer.map_err(|error| self.failed(error))?;
        from_redis_value(answer).map_err(|error| self.unexpected(&error.to_string()))
    }

    pub(super) fn keys(&self, scope: &str) -> Keys {
        Keys::new(&self.connection.options().prefix, scope)
    }

    pub(super) fn failed(&self, error: RedisError) -> RedisStoreError {
        RedisStoreError::Failed { server: self.server(), error }
    }

    pub(super) fn unexpected(&self, answer: &str) -> RedisStoreError {
        RedisStoreError::UnexpectedAnswer { server: self.server(), answer: printable(answer) }
    }

    pub(super) fn server(&self) -> String {
        self.connection.source().name().to_owned()
    }
}

/// With its format in front.
fn fingerprint(claim: &Claim) -> [u8; 17] {
    let mut bytes = [Fingerprint::VERSION; 17];
    bytes[1..].copy_from_slice(&claim.fingerprint.to_bytes());
    bytes
}

/// Redis refuses times beyond what it can count, and takes zero for "delete".
fn millis(duration: Duration) -> Vec<u8> {
    const CENTURY: u128 = 100 * 365 * 24 * 3_600_000;
    duration.as_millis().clamp(1, CENTURY).to_string().into_bytes()
}

impl From<RedisStoreError> for StoreError {
    fn from(error: RedisStoreError) -> Self {
        Self::unavailable(error)
    }
}

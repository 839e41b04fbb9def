//! The four operations: what each tells its script, and what the answer means.

use std::io::Write;
use std::time::Duration;

use redis::{Cmd, RedisError, Value};

use super::error::printable;
use super::key::Keys;
use super::script::Script;
use super::{RedisStore, RedisStoreError, Shared};
use crate::DeliveryId;
use crate::store::{Claim, ClaimAnswer, Completion, Renewal, Store, StoreError, StoreIdentity};

impl Store for RedisStore {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, StoreError> {
        Ok(self.0.claim(claim).await?)
    }

    async fn renew(&self, claim: &Claim) -> Result<Renewal, StoreError> {
        let mut call = self.0.renew.call(&self.0.record(claim));
        call.arg(in_flight(claim)).arg(millis(claim.lease));
        match &*self.0.word_of(&self.0.renew, &call).await? {
            b"renewed" => Ok(Renewal::Renewed),
            b"lost" => Ok(Renewal::Lost),
            other => Err(self.0.unexpected_word(other).into()),
        }
    }

    async fn complete(&self, claim: &Claim) -> Result<Completion, StoreError> {
        let mut call = self.0.complete.call(&self.0.record(claim));
        call.arg(in_flight(claim)).arg(millis(claim.retention));
        match &*self.0.word_of(&self.0.complete, &call).await? {
            b"recorded" => Ok(Completion::Recorded),
            b"held by another" => Ok(Completion::HeldByAnother),
            other => Err(self.0.unexpected_word(other).into()),
        }
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreError> {
        let mut call = self.0.release.call(&self.0.record(claim));
        self.0.word_of(&self.0.release, call.arg(&claim.token.to_bytes())).await?;
        Ok(())
    }

    fn identity(&self) -> Option<&StoreIdentity> {
        Some(&self.0.identity)
    }
}

impl Shared {
    async fn claim(&self, claim: &Claim) -> Result<ClaimAnswer, RedisStoreError> {
        let mut call = self.claim.call(&Keys::of_claim(self.prefix(), claim));
        call.arg(in_flight(claim)).arg(millis(claim.lease));
        call.arg(claim.id.as_str()).arg(millis(claim.replay_window));
        let answer = self.claim.run(&self.connection, &call).await;
        self.understand(&answer.map_err(|error| self.failed(error))?)
    }

    fn understand(&self, answer: &Value) -> Result<ClaimAnswer, RedisStoreError> {
        match answer {
            Value::BulkString(word) => match &**word {
                b"acquired" => Some(ClaimAnswer::Acquired),
                b"completed" => Some(ClaimAnswer::Completed),
                b"conflict" => Some(ClaimAnswer::Conflict),
                _ => None,
            },
            Value::Int(millis) => {
                let millis = u64::try_from(*millis).unwrap_or_default();
                Some(ClaimAnswer::InFlight { lease: Duration::from_millis(millis) })
            }
            Value::Array(first) => first_id(first).map(ClaimAnswer::ReplayOf),
            _ => None,
        }
        .ok_or_else(|| self.unexpected(&format!("{answer:?}")))
    }

    /// Runs a script that answers with a word.
    async fn word_of(&self, script: &Script, call: &Cmd) -> Result<Vec<u8>, RedisStoreError> {
        match script.run(&self.connection, call).await {
            Ok(Value::BulkString(word)) => Ok(word),
            Ok(other) => Err(self.unexpected(&format!("{other:?}"))),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.connection.options().prefix
    }

    pub(super) fn record<'a>(&'a self, claim: &'a Claim) -> Keys<'a> {
        Keys::of_record(self.prefix(), claim)
    }

    pub(super) fn failed(&self, error: RedisError) -> RedisStoreError {
        RedisStoreError::Failed { server: self.server(), error }
    }

    pub(super) fn unexpected(&self, answer: &str) -> RedisStoreError {
        RedisStoreError::UnexpectedAnswer { server: self.server(), answer: printable(answer) }
    }

    fn unexpected_word(&self, answer: &[u8]) -> RedisStoreError {
        self.unexpected(&String::from_utf8_lossy(answer))
    }

    pub(super) fn server(&self) -> String {
        self.connection.source().name().to_owned()
    }
}

/// A record in flight: the format of the fingerprint, the fingerprint, the token and the length of the
/// lease. A completed record is the first 17 bytes of it.
fn in_flight(claim: &Claim) -> Vec<u8> {
    let mut record = Vec::with_capacity(48);
    record.extend(claim.fingerprint.with_version());
    record.extend(claim.token.to_bytes());
    // Writing to memory does not fail.
    let _ = write!(record, "{}", millis(claim.lease));
    record
}

/// Redis refuses times beyond what it can count, and takes zero for "delete".
pub(super) fn millis(duration: Duration) -> u64 {
    const CENTURY: u64 = 100 * 365 * 24 * 3_600_000;
    u64::try_from(duration.as_millis()).unwrap_or(CENTURY).clamp(1, CENTURY)
}

/// The id in the answer to a replay.
fn first_id(answer: &[Value]) -> Option<DeliveryId> {
    let [Value::BulkString(id)] = answer else { return None };
    DeliveryId::new(str::from_utf8(id).ok()?).ok()
}

impl From<RedisStoreError> for StoreError {
    fn from(error: RedisStoreError) -> Self {
        Self::unavailable(error)
    }
}

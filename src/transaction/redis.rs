//! Completing a delivery together with the handler's effects in Redis.

use super::CompleteError;
use crate::store::{EffectsAnswer, RedisEffects, RedisStore, RedisStoreError};
use crate::{ClaimHandle, ClaimState};

impl RedisStore {
    /// Executes the effects and completes the delivery or event: both, or none.
    ///
    /// Use the store that the layer claims with, or a clone of it. One script checks that the claim's
    /// token still holds the record, then everything that an effect could fail for. Only then does it
    /// complete the delivery and execute the effects. That is one round trip, and two when the server
    /// does not know the script yet.
    ///
    /// After a success the layer records nothing itself, whatever the handler returns.
    ///
    /// ```no_run
    /// use nevent_webhooks::store::{RedisEffects, RedisStore};
    /// use nevent_webhooks::transaction::CompleteError;
    /// use nevent_webhooks::{Delivery, Rejection};
    ///
    /// async fn handle(store: RedisStore, delivery: Delivery) -> Result<(), Rejection> {
    ///     let claim = delivery.claim().ok_or(CompleteError::NotClaimed)?;
    ///     let effects = RedisEffects::new()
    ///         .xadd("{tickets}:sales", [("id", delivery.id().as_str())])
    ///         .rpush("{tickets}:jobs", delivery.body())
    ///         .incr_by("{tickets}:sold", 1);
    ///     store.complete_with(claim, effects).await?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`CompleteError::Lost`]: there is no record, or another attempt holds it.
    /// - [`CompleteError::AlreadyCompleted`]: by another attempt, or by this one. If the connection breaks,
    ///   the store sends the call a second time, and the first may have been executed.
    /// - [`CompleteError::Refused`]: an effect cannot be executed. The source says which one and why.
    /// - [`CompleteError::Database`]: the server could not be reached, did not answer, or refused to
    ///   write because it is full, read-only or lacks replicas.
    ///
    /// After an error the call has executed nothing, unless the server's answer was lost. Return the
    /// error in either case. If the effects were executed, the delivery is completed, and the sender's
    /// retry is told `Already processed`. If they were not, the retry runs the handler again.
    pub async fn complete_with(
        &self,
        claim: &ClaimHandle,
        effects: RedisEffects,
    ) -> Result<(), CompleteError> {
        if let Err(refused) = self.check_effects(claim.claim(), &effects) {
            claim.note(ClaimState::Refused);
            return Err(CompleteError::Refused(refused));
        }
        // Before the script is sent: a handler that is dropped meanwhile may have sent it.
        claim.note(ClaimState::Staged);
        let answer = self.run_effects(claim.claim(), &effects).await;
        if let Some(state) = state_after(&answer) {
            claim.note(state);
        }
        match answer? {
            EffectsAnswer::Completed => Ok(()),
            EffectsAnswer::AlreadyCompleted => Err(CompleteError::AlreadyCompleted),
            EffectsAnswer::Lost => Err(CompleteError::Lost),
            EffectsAnswer::Refused(refused) => Err(CompleteError::Refused(refused)),
        }
    }
}

/// `None` if the effects may have been executed or not.
fn state_after(answer: &Result<EffectsAnswer, RedisStoreError>) -> Option<ClaimState> {
    match answer {
        Ok(EffectsAnswer::Completed) => Some(ClaimState::Committed),
        Ok(_) => Some(ClaimState::Refused),
        Err(error) => error.is_an_answer().then_some(ClaimState::Refused),
    }
}

impl From<RedisStoreError> for CompleteError {
    fn from(error: RedisStoreError) -> Self {
        Self::Database(error.into())
    }
}

//! The script that executes effects and completes the delivery, in one step.

use redis::{RedisError, Value};

use super::effects::EffectKeys;
use super::error::printable;
use super::operations::millis;
use super::{RedisEffectError, RedisEffects, RedisStore, RedisStoreError, Shared};
use crate::store::Claim;

/// The state of the effects and of the delivery afterwards.
#[derive(Debug)]
pub(crate) enum EffectsAnswer {
    /// The effects are executed and the delivery is completed.
    Completed,
    /// The delivery was completed before. Nothing was executed.
    AlreadyCompleted,
    /// There is no record, or another token holds it. Nothing was executed.
    Lost,
    /// Nothing was executed.
    Refused(RedisEffectError),
}

impl RedisStore {
    /// Executes the effects and completes the delivery, if the claim's token still holds it.
    pub(crate) async fn run_effects(
        &self,
        claim: &Claim,
        effects: &RedisEffects,
    ) -> Result<EffectsAnswer, RedisStoreError> {
        self.0.run_effects(claim, effects).await
    }

    /// Checks what can be checked without the server.
    pub(crate) fn check_effects(
        &self,
        claim: &Claim,
        effects: &RedisEffects,
    ) -> Result<(), RedisEffectError> {
        effects.check(&self.0.record(claim))
    }
}

impl RedisStoreError {
    /// Whether the server answered with an error, as it does only before the script's first write.
    pub(crate) fn is_an_answer(&self) -> bool {
        let is_answer = |error: &RedisError| error.code().is_some();
        matches!(self, Self::Failed { error, .. } if is_answer(error))
    }
}

impl Shared {
    async fn run_effects(
        &self,
        claim: &Claim,
        effects: &RedisEffects,
    ) -> Result<EffectsAnswer, RedisStoreError> {
        let keys = EffectKeys { record: self.record(claim), effects };
        let mut call = self.complete_with.call(&keys);
        call.arg(&claim.token.to_bytes()).arg(millis(claim.retention));
        effects.add_to(&mut call);
        let answer = self.complete_with.run(&self.connection, &call).await;
        self.outcome(effects, &answer.map_err(|error| self.failed(error))?)
    }

    fn outcome(
        &self,
        effects: &RedisEffects,
        answer: &Value,
    ) -> Result<EffectsAnswer, RedisStoreError> {
        let understood = match answer {
            Value::BulkString(word) => match &**word {
                b"completed" => Some(EffectsAnswer::Completed),
                b"already completed" => Some(EffectsAnswer::AlreadyCompleted),
                b"lost" => Some(EffectsAnswer::Lost),
                _ => None,
            },
            Value::Array(refusal) => refused(effects, refusal).map(EffectsAnswer::Refused),
            _ => None,
        };
        understood.ok_or_else(|| self.unexpected(&format!("{answer:?}")))
    }
}

/// The refusal of an effect, as the script answers it: why, the effect's index, and what was found.
///
/// `None` for a failure after an effect was executed, which the script rules out.
fn refused(effects: &RedisEffects, refusal: &[Value]) -> Option<RedisEffectError> {
    let [Value::BulkString(why), Value::Int(index), Value::BulkString(found)] = refusal else {
        return None;
    };
    let (command, key) = effects.named(usize::try_from(*index).ok()?)?;
    let found = printable(&String::from_utf8_lossy(found));
    Some(match &**why {
        b"no permission" => RedisEffectError::NoPermission { command, key },
        b"wrong type" => RedisEffectError::WrongType { command, key, found },
        b"not an integer" => RedisEffectError::NotAnInteger { key },
        b"overflow" => RedisEffectError::Overflow { key },
        b"stream full" => RedisEffectError::StreamFull { key },
        b"failed" => RedisEffectError::Failed { command, key, message: found },
        _ => return None,
    })
}

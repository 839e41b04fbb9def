use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::Envelope;
use crate::text::with_sources;
use crate::transaction::CompleteError;
use crate::{ClaimHandle, Rejection};

/// A queue that takes over deliveries. You implement it for yours.
///
/// ```
/// use nevent_webhooks::ClaimHandle;
/// use nevent_webhooks::queue::{Envelope, Queue, QueueError};
/// # struct Broker;
/// # impl Broker {
/// #     async fn publish_and_confirm(&self, _: &str) -> Result<(), std::io::Error> { Ok(()) }
/// # }
///
/// struct Jobs(Broker);
///
/// impl Queue for Jobs {
///     async fn put(&self, envelope: &Envelope, _: &ClaimHandle) -> Result<(), QueueError> {
///         let confirmed = self.0.publish_and_confirm(&envelope.to_json()).await;
///         confirmed.map_err(QueueError::unavailable)
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a queue",
    note = "implement `nevent_webhooks::queue::Queue` for it: one method, `put`"
)]
pub trait Queue: Send + Sync + 'static {
    /// Puts the entry into the queue. Returns `Ok` only when the broker has confirmed that it has
    /// stored it: the sender is then answered 200, and never sends it again.
    ///
    /// A queue in the store's own database can put the entry and complete the claim together, so that
    /// there is no second copy: with [`ClaimHandle::commit`] for a table of jobs, with
    /// [`RedisStore::complete_with`](crate::store::RedisStore::complete_with) for a Redis Stream. All
    /// other queues leave the claim alone.
    ///
    /// The future is dropped at the [time limit](super::HandOver::put_timeout) for a put.
    ///
    /// # Errors
    ///
    /// [`QueueError`] if there is any doubt whether the broker has the entry. The sender's retry puts it
    /// again, and [`Once`](super::Once) handles it once.
    fn put(
        &self,
        envelope: &Envelope,
        claim: &ClaimHandle,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;
}

impl<Q: Queue> Queue for Arc<Q> {
    async fn put(&self, envelope: &Envelope, claim: &ClaimHandle) -> Result<(), QueueError> {
        Q::put(self, envelope, claim).await
    }
}

/// Why an entry is not in the queue, or may not be.
///
/// | error | the sender's response |
/// | --- | --- |
/// | [`Unavailable`](Self::Unavailable), [`TimedOut`](Self::TimedOut) | 503 `Try again later` |
/// | [`NotCompleted`](Self::NotCompleted) | that of its [`CompleteError`] |
///
/// ```
/// use nevent_webhooks::{Rejection, queue::QueueError};
///
/// let rejection = Rejection::from(QueueError::unavailable("connection refused"));
/// assert_eq!((rejection.status(), rejection.as_str()), (503, "queue_unavailable"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The broker refused the entry, or did not confirm it.
    #[error("the queue did not confirm the entry")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The broker did not confirm the entry in time.
    #[error("the queue did not confirm the entry within {limit:?}")]
    #[non_exhaustive]
    TimedOut {
        /// The limit that passed.
        limit: Duration,
    },
    /// The entry was to be put in one transaction with the completion, which failed.
    #[error(transparent)]
    NotCompleted(#[from] CompleteError),
}

impl QueueError {
    /// The error for a broker that failed, for any reason.
    pub fn unavailable(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unavailable(error.into())
    }
}

/// The response to the sender. The text of the error is for logs alone.
impl From<QueueError> for Rejection {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::NotCompleted(error) => error.into(),
            error => Self::QueueUnavailable { reason: with_sources(&error).into() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_completion_that_failed_keeps_its_own_response() {
        for (error, status) in [
            (QueueError::from(CompleteError::Lost), 409),
            (QueueError::from(CompleteError::AlreadyCompleted), 200),
            (QueueError::from(CompleteError::Database("down".into())), 503),
            (QueueError::unavailable("down"), 503),
            (QueueError::TimedOut { limit: Duration::from_secs(1) }, 503),
        ] {
            assert_eq!(Rejection::from(error).status(), status);
        }
        let rejection = Rejection::from(QueueError::unavailable("connection refused\nrow: x"));
        let text = "the delivery could not be handed over: the queue did not confirm the entry: \
            connection refused";
        assert_eq!(rejection.to_string(), text);
    }
}

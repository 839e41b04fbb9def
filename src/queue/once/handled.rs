use std::time::Duration;

use crate::Rejection;
use crate::dedupe::Ended;

/// How [`Once::event`](super::Once::event) ended, and therefore what becomes of the entry in the queue.
///
/// ```
/// use std::time::Duration;
/// use nevent_webhooks::queue::Handled;
///
/// let handled: Handled<u32, String> = Handled::Done(7);
/// assert!(handled.is_done() && handled.retry_after().is_none());
///
/// let handled: Handled<u32, String> = Handled::Failed("no seat left".to_owned());
/// assert_eq!(handled.retry_after(), Some(Duration::from_secs(30)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "acknowledge the entry, or give it back to the queue"]
pub enum Handled<T, E> {
    /// The handler returned this value. The record of it is in the store, or is being written in the
    /// background.
    Done(T),
    /// A handler has completed the entry before.
    AlreadyDone,
    /// Another worker is at work on the entry.
    #[non_exhaustive]
    InProgress {
        /// The time until that worker's lease expires, unless it is renewed.
        lease: Duration,
    },
    /// The handler returned this error. The entry was released.
    Failed(E),
    /// The handler panicked. The entry was released.
    Panicked,
    /// The handler ran for longer than its timeout. It was dropped, and the entry was released. A
    /// handler that blocks its thread cannot be dropped: the lease expires instead.
    TimedOut,
    /// The handler returned `Ok` after it had completed the entry in its own transaction, but the store
    /// does not confirm that the transaction was committed. The entry was released.
    NotCommitted,
    /// The handler did not run: the store failed, or too many handlers are running.
    Refused(Rejection),
}

impl<T, E> Handled<T, E> {
    /// Whether the entry is done, now or before: acknowledge it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_) | Self::AlreadyDone)
    }

    /// The time after which another try makes sense. `None` if the entry is done.
    ///
    /// It is the rest of the lease if another worker is at work, and otherwise 30 s, as senders are told
    /// by a 503. Use your own pause for errors of your handler, and a limit for the number of tries.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Done(_) | Self::AlreadyDone => None,
            Self::InProgress { lease } => Some(*lease),
            _ => Some(PAUSE),
        }
    }

    /// A stable name in `snake_case`, for counters and logs.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::AlreadyDone => "already_done",
            Self::InProgress { .. } => "in_progress",
            Self::Failed(_) => "failed",
            Self::Panicked => "panicked",
            Self::TimedOut => "timed_out",
            Self::NotCommitted => "not_committed",
            Self::Refused(_) => "refused",
        }
    }
}

const PAUSE: Duration = Duration::from_secs(30);

impl<T, E> Handled<T, E> {
    pub(super) fn of(ended: Ended<T, E>) -> Self {
        match ended {
            None => Self::TimedOut,
            Some(Ok(Ok(value))) => Self::Done(value),
            Some(Ok(Err(error))) => Self::Failed(error),
            Some(Err(Rejection::AlreadyProcessed)) => Self::AlreadyDone,
            Some(Err(Rejection::DeliveryInProgress { lease })) => Self::InProgress { lease },
            Some(Err(Rejection::HandlerPanicked)) => Self::Panicked,
            Some(Err(Rejection::NotCommitted)) => Self::NotCommitted,
            Some(Err(rejection)) => Self::Refused(rejection),
        }
    }
}

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::RabbitMqError;

/// An incident that a worker reports to its observer. Successes are not reported, and no incident holds a
/// payload.
#[derive(Debug)]
#[non_exhaustive]
pub enum RabbitMqHappened<'a> {
    /// An entry waits for another attempt.
    #[non_exhaustive]
    Retry {
        /// The id of the event; empty if this release cannot read the entry.
        event: &'a str,
        /// How the handler ended: the name of a [`Handled`](nevent_webhooks::queue::Handled), or
        /// `unknown_version`.
        outcome: &'static str,
        /// Attempts that have failed.
        attempts: u32,
        /// The time until the next.
        delay: Duration,
    },
    /// An entry became a dead letter. Somebody should look at it.
    #[non_exhaustive]
    DeadLetter {
        /// The id of the event; empty if the message cannot be read.
        event: &'a str,
        /// `failed`, `panicked`, `timed_out`, `not_committed`, `not_an_event`, `unreadable` or
        /// `worker_vanished`. The broker does not tell the worker if the broker itself enforces the
        /// [delivery limit](super::RabbitMqOptions::delivery_limit).
        reason: &'static str,
    },
    /// The broker failed. The worker tries again.
    #[non_exhaustive]
    BrokerFailed {
        /// The failure.
        error: &'a RabbitMqError,
    },
}

/// The function that is told.
#[derive(Clone)]
pub(super) struct Observer(pub(super) Arc<dyn Fn(&RabbitMqHappened<'_>) + Send + Sync>);

impl Observer {
    /// Calls the function. Its panic ends here: an entry whose task panics would stay unacknowledged until
    /// the channel ends.
    pub(super) fn tell(&self, happened: &RabbitMqHappened<'_>) {
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(happened)));
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self(Arc::new(|_| {}))
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

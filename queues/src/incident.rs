use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::metrics::Counters;
use crate::verdict::Verdict;

/// Something that a worker reports to its observer: everything but success. It holds no payload, unless
/// the handler's error does.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkerIncident<'a> {
    /// An entry waits for another attempt.
    #[non_exhaustive]
    Retry {
        /// The id of the event. If the entry cannot be read, its name in the queue, which may be empty.
        event: &'a str,
        /// How the handler ended: the name of a [`Handled`](nevent_webhooks::queue::Handled). Or
        /// `unknown_version`: only a newer worker can read the entry.
        outcome: &'static str,
        /// What the handler's error says, or the reason why `Once` refused.
        error: Option<&'a str>,
        /// Attempts that have failed.
        attempts: u32,
        /// The time until the next.
        delay: Duration,
    },
    /// An entry became a dead letter. Somebody should look at it.
    #[non_exhaustive]
    DeadLetter {
        /// The id of the event. If the entry cannot be read, its name in the queue, which may be empty.
        event: &'a str,
        /// The [reason](crate::DeadLetter::reason).
        reason: &'static str,
        /// What the handler's error says.
        error: Option<&'a str>,
        /// Attempts that have failed.
        attempts: u32,
    },
    /// The queue failed. The worker tries again.
    #[non_exhaustive]
    QueueFailed {
        /// The engine's error.
        error: &'a (dyn Error + Send + Sync + 'static),
    },
}

impl WorkerIncident<'_> {
    /// The names of all incidents.
    #[cfg(feature = "metrics")]
    pub(crate) const NAMES: [&'static str; 3] = ["retry", "dead_letter", "queue_failed"];

    /// The incident's name in `snake_case`, for counters and log lines. Stable.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Retry { .. } => "retry",
            Self::DeadLetter { .. } => "dead_letter",
            Self::QueueFailed { .. } => "queue_failed",
        }
    }
}

/// The function that is told, and the counters of the feature `metrics`.
#[derive(Clone)]
pub(crate) struct Observer {
    function: Arc<dyn Fn(&WorkerIncident<'_>) + Send + Sync>,
    counters: Counters,
}

impl Observer {
    /// The observer of a worker of this queue.
    pub(crate) fn of(queue: &str) -> Self {
        Self { function: Arc::new(|_| {}), counters: Counters::of(queue) }
    }

    /// Sets the function that is told.
    pub(crate) fn set(&mut self, tell: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static) {
        self.function = Arc::new(tell);
    }

    /// The observer of a worker that starts to work: all of its series are there from now on.
    pub(crate) fn begin(&self) -> Self {
        let _ = catch_unwind(AssertUnwindSafe(|| self.counters.begin()));
        self.clone()
    }

    /// Tells what became of an entry, unless it is done.
    pub(crate) fn settled(&self, event: &str, verdict: &Verdict) {
        match verdict {
            Verdict::Done => {}
            Verdict::Retry { outcome, error, attempts, delay } => {
                let (error, attempts, delay) = (error.as_deref(), *attempts, *delay);
                self.tell(&WorkerIncident::Retry { event, outcome, error, attempts, delay });
            }
            Verdict::Dead { reason, error, attempts } => {
                let (error, attempts) = (error.as_deref(), *attempts);
                self.tell(&WorkerIncident::DeadLetter { event, reason, error, attempts });
            }
        }
    }

    pub(crate) fn failed(&self, error: &(dyn Error + Send + Sync + 'static)) {
        self.tell(&WorkerIncident::QueueFailed { error });
    }

    /// A panic of the function ends here: it would end the worker, or keep an entry in hand for ever.
    fn tell(&self, incident: &WorkerIncident<'_>) {
        let _ = catch_unwind(AssertUnwindSafe(|| self.counters.count(incident)));
        let _ = catch_unwind(AssertUnwindSafe(|| (self.function)(incident)));
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

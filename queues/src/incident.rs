use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

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

/// The function that is told.
#[derive(Clone)]
pub(crate) struct Observer(Arc<dyn Fn(&WorkerIncident<'_>) + Send + Sync>);

impl Observer {
    pub(crate) fn new(tell: impl Fn(&WorkerIncident<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
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
        let _ = catch_unwind(AssertUnwindSafe(|| (self.0)(incident)));
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

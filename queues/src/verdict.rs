use std::time::Duration;

use crate::RetryPolicy;
use crate::content::Content;
use crate::handler::{Ended, Handler};

/// What becomes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Acknowledge it.
    Done,
    /// Again after this delay, with this many failed attempts.
    Retry { outcome: &'static str, error: Option<String>, attempts: u32, delay: Duration },
    /// A dead letter.
    Dead { reason: &'static str, error: Option<String>, attempts: u32 },
}

/// How long an entry waits that only a newer worker can read. One that is being deployed may take it.
const UNTIL_NEWER: Duration = Duration::from_secs(60);
/// The longest wait of an entry that was refused.
const REFUSED: Duration = Duration::from_secs(30);

impl Verdict {
    /// Runs the handler, if the entry is for it.
    pub(crate) async fn on(
        content: &Content,
        attempts: u32,
        handler: &Handler,
        policy: &RetryPolicy,
    ) -> Self {
        match content {
            Content::Event(envelope) => Self::of(handler.run(envelope).await, attempts, policy),
            Content::Newer => Self::waits("unknown_version", attempts, UNTIL_NEWER),
            Content::Dead(reason, _) => Self::Dead { reason, error: None, attempts },
        }
    }

    /// An attempt counts if the handler ran and failed.
    pub(crate) fn of(ended: Ended, attempts: u32, policy: &RetryPolicy) -> Self {
        let (outcome, error) = match ended {
            Ended::Done => return Self::Done,
            Ended::InProgress(lease) => return Self::waits("in_progress", attempts, lease),
            Ended::Refused(error) => {
                let delay = policy.delay_after(1).map_or(REFUSED, |first| first.min(REFUSED));
                return Self::Retry { outcome: "refused", error, attempts, delay };
            }
            Ended::Failed(outcome, error) => (outcome, error),
        };
        let attempts = attempts.saturating_add(1);
        match policy.delay_after(attempts) {
            Some(delay) => Self::Retry { outcome, error, attempts, delay },
            None => Self::Dead { reason: outcome, error, attempts },
        }
    }

    /// Again after this delay, and nothing has failed.
    pub(crate) fn waits(outcome: &'static str, attempts: u32, delay: Duration) -> Self {
        Self::Retry { outcome, error: None, attempts, delay }
    }

    /// The same with another delay, if it has one.
    #[cfg(any(feature = "kafka", feature = "nats", feature = "rabbitmq", feature = "sqs"))]
    pub(crate) fn with_delay(mut self, change: impl FnOnce(Duration) -> Duration) -> Self {
        if let Self::Retry { delay, .. } = &mut self {
            *delay = change(*delay);
        }
        self
    }

    /// Whether the store of `Once` is the reason: then other entries will be refused, too.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self, Self::Retry { outcome: "refused", .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_handler_that_failed_counts_as_an_attempt() {
        let secs = Duration::from_secs;
        let policy = RetryPolicy::new().first(secs(1)).attempts(3);
        let of = |ended, attempts| Verdict::of(ended, attempts, &policy);
        assert_eq!(of(Ended::Done, 2), Verdict::Done);
        let waits = Verdict::waits("in_progress", 2, secs(7));
        assert_eq!(of(Ended::InProgress(secs(7)), 2), waits);
        assert_eq!(of(Ended::Refused(None), 2), Verdict::waits("refused", 2, secs(1)));
        assert!(of(Ended::Refused(None), 2).is_refused());
        let timed_out = Verdict::waits("timed_out", 2, secs(2));
        assert_eq!(of(Ended::Failed("timed_out", None), 1), timed_out);
        let error = Some("the till is closed".to_owned());
        let dead = Verdict::Dead { reason: "failed", error: error.clone(), attempts: 3 };
        assert_eq!(of(Ended::Failed("failed", error), 2), dead);
    }
}

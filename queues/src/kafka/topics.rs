//! The topics, and their configuration. This is the configuration that loses nothing.

use std::time::Duration;

use super::KafkaOptions;
use super::client::millis;
use crate::verdict::Verdict;

/// The delay of the only retry topic of a policy without retries.
const NO_RETRY: Duration = Duration::from_secs(30);
const DAY_MS: &str = "86400000";
/// What a topic that is created takes. Kafka's default of 1 MiB is less than a batch may have.
const LARGEST: &str = "4194304";

/// A topic of the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: String,
    pub(super) is_dead: bool,
    /// How long it must keep a record.
    pub(super) kept_for: Duration,
}

impl KafkaOptions {
    pub(super) fn dead(&self) -> String {
        format!("{}.dead", self.topic)
    }

    pub(super) fn retry_topic(&self, delay: Duration) -> String {
        format!("{}.retry.{}", self.topic, millis(delay))
    }

    /// The topics that a worker reads. Those of earlier policies are among them: their entries would wait
    /// for ever otherwise.
    pub(super) fn pattern(&self) -> String {
        format!("^{}(\\.retry\\.[0-9]+)?$", self.topic.replace('.', "\\."))
    }

    /// The delay of a retry topic. `None` for the others.
    pub(super) fn delay_of(&self, topic: &str) -> Option<Duration> {
        let delay = topic.strip_prefix(&self.topic)?.strip_prefix(".retry.")?;
        delay.parse().ok().map(Duration::from_millis)
    }

    pub(super) fn topics(&self) -> Vec<Topic> {
        let retry = self.delays().into_iter().map(|delay| Topic {
            name: self.retry_topic(delay),
            is_dead: false,
            kept_for: self.kept_for.saturating_add(delay),
        });
        let entries = Topic { name: self.topic.clone(), is_dead: false, kept_for: self.kept_for };
        let dead = Topic { name: self.dead(), is_dead: true, kept_for: self.dead_letters_for };
        [entries, dead].into_iter().chain(retry).collect()
    }

    /// The delays of the retry topics, the shortest first. At least one, because an entry that is in flight
    /// elsewhere waits too, whatever the policy says.
    fn delays(&self) -> Vec<Duration> {
        let mut delays: Vec<Duration> = Vec::new();
        for delay in self.retry.delays() {
            // From the longest on they are all the same, which may be billions.
            if delays.last() == Some(&delay) {
                break;
            }
            delays.push(delay);
        }
        if delays.is_empty() {
            delays.push(NO_RETRY);
        }
        delays
    }

    /// The same, with a delay that has a retry topic: the shortest that is at least as long, or the
    /// longest.
    pub(super) fn in_a_retry_topic(&self, verdict: Verdict) -> Verdict {
        verdict.with_delay(|least| {
            let delays = self.delays();
            let longest = delays.last().copied().unwrap_or(NO_RETRY);
            delays.into_iter().find(|delay| *delay >= least).unwrap_or(longest)
        })
    }

    pub(super) fn replicas(&self) -> i32 {
        if self.is_replicated { 3 } else { 1 }
    }
}

impl Topic {
    /// With which it is created.
    pub(super) fn configuration(&self, options: &KafkaOptions) -> Vec<(&'static str, String)> {
        let text = str::to_owned;
        let in_sync = if options.is_replicated { "2" } else { "1" };
        let mut all = vec![
            ("retention.ms", millis(self.kept_for).to_string()),
            ("retention.bytes", text("-1")),
            ("min.insync.replicas", text(in_sync)),
            ("unclean.leader.election.enable", text("false")),
            ("max.message.bytes", text(LARGEST)),
            // The last segment is neither deleted nor compacted until it is closed.
            ("segment.ms", text(DAY_MS)),
            ("message.timestamp.type", text("LogAppendTime")),
            // The brokers' own setting may be one that the client cannot read.
            ("compression.type", text("producer")),
        ];
        if self.is_dead {
            all.extend([
                ("cleanup.policy", text("compact,delete")),
                ("max.compaction.lag.ms", text(DAY_MS)),
                ("min.cleanable.dirty.ratio", text("0.01")),
            ]);
        } else {
            all.push(("cleanup.policy", text("delete")));
        }
        all
    }

    pub(super) fn partitions(&self, options: &KafkaOptions) -> i32 {
        if self.is_dead { 1 } else { options.partitions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RetryPolicy;

    #[test]
    fn a_wait_that_no_topic_has_takes_the_next_longer_one_or_the_longest() {
        let secs = Duration::from_secs;
        let policy = RetryPolicy::new().first(secs(1)).longest(secs(4)).attempts(9);
        let options = KafkaOptions::new("", "tickets").expect("a name").retry(policy);
        let delay = |delay| match options.in_a_retry_topic(Verdict::waits("in_progress", 0, delay))
        {
            Verdict::Retry { delay, .. } => delay,
            other => panic!("{other:?}"),
        };
        assert_eq!([1, 3, 60].map(|least| delay(secs(least))), [1, 4, 4].map(secs));
        let names: Vec<_> = options.topics().into_iter().map(|topic| topic.name).collect();
        assert_eq!(names[..3], ["tickets", "tickets.dead", "tickets.retry.1000"]);
        assert_eq!(names.len(), 5);
        assert_eq!(options.delay_of("tickets.retry.4000"), Some(secs(4)));
        assert_eq!(options.delay_of("tickets"), None);
    }
}

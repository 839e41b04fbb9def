use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};

use super::KafkaError;
use super::partition::Key;
use super::partitions::{Commit, Partitions, list};

/// What the loop of a worker is told.
#[derive(Debug)]
pub(super) enum Event {
    /// What the predecessor has left of a partition: its position, and how many workers had begun there.
    Found { key: Key, epoch: u64, left: Result<(Option<i64>, u32), KafkaError> },
    /// An entry is no longer in flight.
    Ended { key: Key, epoch: u64, offset: i64, is_settled: bool },
    /// The positions, whether Kafka has each now, and the last failure.
    Committed(Vec<(Commit, bool)>, Option<KafkaError>),
}

/// The callbacks of the client. They run inside a poll.
pub(super) struct Context {
    pub(super) partitions: Partitions,
}

impl ClientContext for Context {}

impl ConsumerContext for Context {
    /// Another worker gets these partitions. What is in flight ends here, and `Once` keeps the other worker
    /// from beginning with it.
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(revoked) = rebalance {
            // The client keeps the pause until the partition is assigned to this worker again, for ever if
            // nobody resumes it.
            let _ = consumer.resume(revoked);
            let left = self.partitions.leave(revoked);
            if !left.is_empty() && !consumer.assignment_lost() {
                // Not waited for: the callback would hold up the whole group.
                let _ = consumer.commit(&list(&left), CommitMode::Async);
            }
        }
    }
}

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};

use super::KafkaError;
use super::partition::Key;
use super::partitions::Partitions;

/// What the loop of a worker is told.
#[derive(Debug)]
pub(super) enum Event {
    /// What the predecessor has left of a partition: its position, and how many workers had begun there.
    Found { key: Key, epoch: u64, left: Result<(Option<i64>, u32), KafkaError> },
    /// An entry is no longer in flight.
    Ended { key: Key, epoch: u64, offset: i64, is_settled: bool },
    /// The positions that Kafka has now, or has not.
    Committed(Vec<(Key, Option<i64>)>, Option<KafkaError>),
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
            let left = self.partitions.leave(revoked);
            if left.count() > 0 && !consumer.assignment_lost() {
                // Not waited for: the callback would hold up the whole group.
                let _ = consumer.commit(&left, CommitMode::Async);
            }
        }
    }
}

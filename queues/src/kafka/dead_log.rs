//! Reads the topic of dead letters. A dead letter is gone when a record with its key and without a value is
//! after it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::{BorrowedMessage, OwnedMessage};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::sync::mpsc::Sender;

use super::check::client_error;
use super::error::one_line;
use super::message::detach;
use super::{KafkaError, KafkaOptions};

/// How long a broker may take for the next records.
const PATIENCE: Duration = Duration::from_secs(10);

/// The offset of the last record of each key, and whether it is a dead letter.
type Last = HashMap<(i32, Vec<u8>), (i64, bool)>;

/// Sends the dead letters that there are now, until nobody listens. Blocks. Twice through the topic, so that
/// they need not be in memory all at once.
pub(super) fn read(options: &KafkaOptions, to: &Sender<OwnedMessage>) -> Result<(), KafkaError> {
    let consumer: BaseConsumer = options.reader().create().map_err(client_error)?;
    let (topic, mut last) = (options.dead(), Last::new());
    scan(&consumer, &topic, options.timeout, |message| {
        let is_letter = message.payload().is_some();
        last.insert(name(message), (message.offset(), is_letter));
        true
    })?;
    let mut left = last.values().filter(|(_, is_letter)| *is_letter).count();
    if left == 0 {
        return Ok(());
    }
    scan(&consumer, &topic, options.timeout, |message| {
        if last.get(&name(message)) != Some(&(message.offset(), true)) {
            return true;
        }
        left -= 1;
        let is_wanted = to.blocking_send(detach(message)).is_ok();
        is_wanted && left > 0
    })
}

fn name(message: &impl Message) -> (i32, Vec<u8>) {
    (message.partition(), message.key().unwrap_or_default().to_vec())
}

/// Visits the records of a topic from its beginning to its end, or until `visit` returns `false`. The end is
/// where a broker has nothing more to send.
fn scan(
    consumer: &BaseConsumer,
    topic: &str,
    limit: Duration,
    mut visit: impl FnMut(&BorrowedMessage<'_>) -> bool,
) -> Result<(), KafkaError> {
    let mut left = partitions(consumer, topic, limit)?;
    let mut assignment = TopicPartitionList::new();
    for partition in &left {
        assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    while !left.is_empty() {
        match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                if !visit(&message) {
                    break;
                }
            }
            Some(Err(ClientError::PartitionEOF(partition))) => {
                left.remove(&partition);
            }
            Some(Err(error)) => return Err(error.into()),
            None => return Err(KafkaError::Unreachable(format!("no answer within {PATIENCE:?}"))),
        }
    }
    consumer.unassign()?;
    Ok(())
}

fn partitions(
    consumer: &BaseConsumer,
    topic: &str,
    limit: Duration,
) -> Result<BTreeSet<i32>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), limit);
    let metadata = metadata.map_err(|e| KafkaError::Unreachable(one_line(&e.to_string())))?;
    // Otherwise a topic that the user may not describe would have no dead letters.
    if let Some(error) = metadata.topics().iter().find_map(MetadataTopic::error) {
        return Err(ClientError::MetadataFetch(error.into()).into());
    }
    let partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
    Ok(partitions.map(MetadataPartition::id).collect())
}

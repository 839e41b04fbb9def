//! Reads the topic of dead letters. A dead letter is gone when a record with its key and without a value is
//! after it.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as ClientError;
use rdkafka::message::OwnedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};
use tokio::sync::mpsc::Sender;

use super::check::client_error;
use super::error::one_line;
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
        let is_wanted = to.blocking_send(message.detach()).is_ok();
        is_wanted && left > 0
    })
}

fn name(message: &impl Message) -> (i32, Vec<u8>) {
    (message.partition(), message.key().unwrap_or_default().to_vec())
}

/// Visits the records of a topic from its beginning to its end as it is now, or until `visit` returns
/// `false`.
fn scan(
    consumer: &BaseConsumer,
    topic: &str,
    limit: Duration,
    mut visit: impl FnMut(&rdkafka::message::BorrowedMessage<'_>) -> bool,
) -> Result<(), KafkaError> {
    let mut ends = ends(consumer, topic, limit)?;
    let mut assignment = TopicPartitionList::new();
    for partition in ends.keys() {
        assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    while !ends.is_empty() {
        let reached = match consumer.poll(PATIENCE) {
            Some(Ok(message)) => {
                let end = ends.get(&message.partition()).copied();
                let is_before = end.is_some_and(|end| message.offset() < end);
                if is_before && !visit(&message) {
                    break;
                }
                (end <= Some(message.offset() + 1)).then_some(message.partition())
            }
            // The last records may have been deleted.
            Some(Err(ClientError::PartitionEOF(partition))) => Some(partition),
            Some(Err(error)) => return Err(error.into()),
            None => return Err(KafkaError::Unreachable(format!("no answer within {PATIENCE:?}"))),
        };
        if let Some(partition) = reached {
            ends.remove(&partition);
        }
    }
    consumer.unassign()?;
    Ok(())
}

/// The end of each partition that is not empty.
fn ends(
    consumer: &BaseConsumer,
    topic: &str,
    limit: Duration,
) -> Result<HashMap<i32, i64>, KafkaError> {
    let unreachable = |error: ClientError| KafkaError::Unreachable(one_line(&error.to_string()));
    let metadata = consumer.fetch_metadata(Some(topic), limit).map_err(unreachable)?;
    let mut ends = HashMap::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        let id = partition.id();
        let (first, end) = consumer.fetch_watermarks(topic, id, limit).map_err(unreachable)?;
        if first < end {
            ends.insert(id, end);
        }
    }
    Ok(ends)
}

use std::sync::Arc;

use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;

use super::check::client_error;
use super::client::Limit;
use super::{KafkaError, KafkaOptions};

/// Publishes records, and waits for their confirmations. The client restores its connections itself, and is
/// never replaced: a new one has to connect, and while the brokers are slow no put would be in time.
pub(super) struct Publisher {
    options: KafkaOptions,
    producer: FutureProducer,
}

/// A record that is to be published.
pub(super) struct Record<'a> {
    pub(super) topic: &'a str,
    /// Chosen by the key if there is none.
    pub(super) partition: Option<i32>,
    pub(super) key: &'a [u8],
    pub(super) headers: OwnedHeaders,
    pub(super) value: Option<&'a [u8]>,
}

impl Publisher {
    pub(super) fn new(options: &KafkaOptions, limit: Limit) -> Result<Self, KafkaError> {
        let producer = options.producer(limit).create().map_err(client_error)?;
        Ok(Self { options: options.clone(), producer })
    }

    /// Returns when all replicas that are in sync have the record.
    pub(super) async fn publish(&self, record: Record<'_>) -> Result<(), KafkaError> {
        let mut sent = FutureRecord::to(record.topic).key(record.key).headers(record.headers);
        sent.payload = record.value;
        sent.partition = record.partition;
        let limit = self.options.timeout;
        let put = self.producer.send(sent, Timeout::After(limit)).await;
        put.map(drop).map_err(|(error, _)| KafkaError::of_put(&error, limit))
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Shared by the tasks of a worker.
pub(super) type Shared = Arc<Publisher>;
